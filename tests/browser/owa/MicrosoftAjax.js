/* As much of MicrosoftAjax.js as office.js uses; the real one is on no package registry. */
(function () {
  'use strict';
  function made(name) {
    return function (message) {
      var error = new Error(message);
      error.name = name;
      return error;
    };
  }

  window.Type = Function;
  Type.registerNamespace = function (name) {
    name.split('.').reduce(function (parent, part) {
      parent[part] = parent[part] || {};
      return parent[part];
    }, window);
  };
  Type.prototype.registerClass = function () { return this; };
  Type.registerClass = Type.prototype.registerClass;
  Function._validateParams = function () { return null; };
  Function.createDelegate = function (object, method) { return method.bind(object); };
  Error.argument = made('Sys.ArgumentException');
  Error.argumentNull = made('Sys.ArgumentNullException');
  Error.argumentOutOfRange = made('Sys.ArgumentOutOfRangeException');
  Error.argumentType = made('Sys.ArgumentTypeException');
  Error.argumentUndefined = made('Sys.ArgumentUndefinedException');
  Error.create = function (message) { return new Error(message); };
  Error.invalidOperation = made('Sys.InvalidOperationException');
  Error.notImplemented = made('Sys.NotImplementedException');
  Error.parameterCount = made('Sys.ParameterCountException');
  String.format = function (format) {
    var values = Array.prototype.slice.call(arguments, 1);
    return format.replace(/\{(\d+)\}/g, function (ignored, index) { return values[index]; });
  };
  window.Sys = {
    Debug: { trace: function () {} },
    Serialization: {
      JavaScriptSerializer: { serialize: JSON.stringify, deserialize: JSON.parse }
    },
    StringBuilder: function () {}
  };
}());
