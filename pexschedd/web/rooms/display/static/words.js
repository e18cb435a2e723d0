/* The texts of the display, and times and dates, in the languages that it speaks. */

(function () {
  "use strict";

  var TEXTS = {
    en: {
      free: "Free", soon: "Free", busy: "In use", unknown: "One moment",
      until: "until {time}", today: "until tomorrow", allDay: "for the rest of the day",
      inMinutes: "next meeting in {minutes} min", next: "Next", nothing: "Nothing is planned.",
      join: "Join", pin: "PIN", code: "Code to join {title}", also: "Also now: {title}",
      wholeDay: "All day", room: "Room", offline: "Not updated since {time}",
      oldCalendar: "Calendar as of {time}", setup: "Set up this display",
      setupText: "An administrator makes the token of a room.",
      token: "Token", tokenMissing: "Enter the room’s token.",
      tokenRefused: "The token is wrong, or was deleted. Enter another one.",
      view: "Where it hangs", door: "At the door", inRoom: "In the room, with the code to join",
      theme: "Colours", auto: "As the device says", light: "Light", dark: "Dark", save: "Show the room"
    },
    de: {
      free: "Frei", soon: "Frei", busy: "Belegt", unknown: "Einen Moment",
      until: "bis {time}", today: "bis morgen", allDay: "für den Rest des Tages",
      inMinutes: "nächste Besprechung in {minutes} Min.", next: "Als Nächstes", nothing: "Es ist nichts geplant.",
      join: "Teilnehmen", pin: "PIN", code: "Code zur Teilnahme an {title}", also: "Gleichzeitig: {title}",
      wholeDay: "Ganztägig", room: "Raum", offline: "Nicht aktualisiert seit {time}",
      oldCalendar: "Kalender vom Stand {time}", setup: "Diese Anzeige einrichten",
      setupText: "Das Token eines Raums stellt ein Administrator aus.",
      token: "Token", tokenMissing: "Geben Sie das Token des Raums ein.",
      tokenRefused: "Das Token ist falsch oder wurde gelöscht. Geben Sie ein anderes ein.",
      view: "Ort der Anzeige", door: "An der Tür", inRoom: "Im Raum, mit dem Code zur Teilnahme",
      theme: "Farben", auto: "Wie das Gerät", light: "Hell", dark: "Dunkel", save: "Raum anzeigen"
    },
    fr: {
      free: "Libre", soon: "Libre", busy: "Occupée", unknown: "Un instant",
      until: "jusqu’à {time}", today: "jusqu’à demain", allDay: "pour le reste de la journée",
      inMinutes: "prochaine réunion dans {minutes} min", next: "À suivre", nothing: "Rien n’est prévu.",
      join: "Rejoindre", pin: "Code", code: "Code pour rejoindre {title}", also: "En même temps : {title}",
      wholeDay: "Toute la journée", room: "Salle", offline: "Non actualisé depuis {time}",
      oldCalendar: "Calendrier du {time}", setup: "Configurer cet écran",
      setupText: "Un administrateur crée le jeton d’une salle.",
      token: "Jeton", tokenMissing: "Saisissez le jeton de la salle.",
      tokenRefused: "Le jeton est incorrect ou a été supprimé. Saisissez-en un autre.",
      view: "Emplacement", door: "À la porte", inRoom: "Dans la salle, avec le code pour rejoindre",
      theme: "Couleurs", auto: "Comme l’appareil", light: "Clair", dark: "Sombre", save: "Afficher la salle"
    },
    es: {
      free: "Libre", soon: "Libre", busy: "Ocupada", unknown: "Un momento",
      until: "hasta las {time}", today: "hasta mañana", allDay: "por el resto del día",
      inMinutes: "próxima reunión en {minutes} min", next: "A continuación", nothing: "No hay nada previsto.",
      join: "Unirse", pin: "PIN", code: "Código para unirse a {title}", also: "También ahora: {title}",
      wholeDay: "Todo el día", room: "Sala", offline: "Sin actualizar desde las {time}",
      oldCalendar: "Calendario de las {time}", setup: "Configurar esta pantalla",
      setupText: "Un administrador crea el token de una sala.",
      token: "Token", tokenMissing: "Introduzca el token de la sala.",
      tokenRefused: "El token es incorrecto o se ha eliminado. Introduzca otro.",
      view: "Ubicación", door: "En la puerta", inRoom: "En la sala, con el código para unirse",
      theme: "Colores", auto: "Como el dispositivo", light: "Claro", dark: "Oscuro", save: "Mostrar la sala"
    },
    nl: {
      free: "Vrij", soon: "Vrij", busy: "Bezet", unknown: "Een moment",
      until: "tot {time}", today: "tot morgen", allDay: "voor de rest van de dag",
      inMinutes: "volgende vergadering over {minutes} min", next: "Hierna", nothing: "Er is niets gepland.",
      join: "Deelnemen", pin: "Pincode", code: "Code om deel te nemen aan {title}", also: "Ook nu: {title}",
      wholeDay: "Hele dag", room: "Ruimte", offline: "Niet bijgewerkt sinds {time}",
      oldCalendar: "Agenda van {time}", setup: "Dit scherm instellen",
      setupText: "Een beheerder maakt het token van een ruimte.",
      token: "Token", tokenMissing: "Voer het token van de ruimte in.",
      tokenRefused: "Het token is onjuist of verwijderd. Voer een ander in.",
      view: "Plaats", door: "Bij de deur", inRoom: "In de ruimte, met de code om deel te nemen",
      theme: "Kleuren", auto: "Zoals het apparaat", light: "Licht", dark: "Donker", save: "Ruimte tonen"
    },
    nb: {
      free: "Ledig", soon: "Ledig", busy: "Opptatt", unknown: "Et øyeblikk",
      until: "til {time}", today: "til i morgen", allDay: "resten av dagen",
      inMinutes: "neste møte om {minutes} min", next: "Neste", nothing: "Ingenting er planlagt.",
      join: "Delta", pin: "PIN", code: "Kode for å delta i {title}", also: "Også nå: {title}",
      wholeDay: "Hele dagen", room: "Rom", offline: "Ikke oppdatert siden {time}",
      oldCalendar: "Kalender fra {time}", setup: "Sett opp denne skjermen",
      setupText: "En administrator lager tokenet til et rom.",
      token: "Token", tokenMissing: "Skriv inn tokenet til rommet.",
      tokenRefused: "Tokenet er feil eller slettet. Skriv inn et annet.",
      view: "Plassering", door: "Ved døren", inRoom: "I rommet, med koden for å delta",
      theme: "Farger", auto: "Som enheten", light: "Lyst", dark: "Mørkt", save: "Vis rommet"
    },
    ar: {
      free: "متاحة", soon: "متاحة", busy: "مشغولة", unknown: "لحظة من فضلك",
      until: "حتى {time}", today: "حتى الغد", allDay: "لبقية اليوم",
      inMinutes: "الاجتماع التالي بعد {minutes} د", next: "التالي", nothing: "لا يوجد شيء مخطط له.",
      join: "انضمام", pin: "رقم التعريف", code: "رمز للانضمام إلى {title}", also: "الآن أيضًا: {title}",
      wholeDay: "طوال اليوم", room: "غرفة", offline: "لم يُحدَّث منذ {time}",
      oldCalendar: "التقويم كما في {time}", setup: "إعداد هذه الشاشة",
      setupText: "ينشئ المسؤول الرمز المميز للغرفة.",
      token: "الرمز المميز", tokenMissing: "أدخل الرمز المميز للغرفة.",
      tokenRefused: "الرمز المميز خاطئ أو تم حذفه. أدخل رمزًا آخر.",
      view: "مكان الشاشة", door: "عند الباب", inRoom: "داخل الغرفة، مع رمز الانضمام",
      theme: "الألوان", auto: "كما في الجهاز", light: "فاتح", dark: "داكن", save: "عرض الغرفة"
    }
  };

  function wordsFor(wanted) {
    var short = String(wanted).toLowerCase().split("-")[0];
    var language = TEXTS[short] ? short : short === "no" || short === "nn" ? "nb" : "en";
    /* The device's region decides how times are written, unless the texts are of another
       language. */
    var own = String(window.navigator.language || "");
    var format = own.toLowerCase().split("-")[0] === language ? own
      : short === language ? wanted : language;

    function written(at, options) {
      try {
        return new Date(at).toLocaleString(format, options);
      } catch (error) {
        return new Date(at).toLocaleString(language, options);
      }
    }

    function time(at) {
      return written(at, { hour: "numeric", minute: "2-digit" });
    }

    function shortDate(at) {
      return written(at, { weekday: "short", day: "numeric", month: "short" });
    }

    function isSameDay(one, other) {
      return new Date(one).toDateString() === new Date(other).toDateString();
    }

    return {
      language: language,
      direction: language === "ar" ? "rtl" : "ltr",
      text: TEXTS[language],
      time: time,
      date: function (at) {
        return written(at, { weekday: "long", day: "numeric", month: "long" });
      },
      shortDate: shortDate,
      isSameDay: isSameDay,
      when: function (at, now) {
        return isSameDay(at, now) ? time(at) : shortDate(at) + ", " + time(at);
      }
    };
  }

  window.roomDisplay = window.roomDisplay || {};
  window.roomDisplay.wordsFor = wordsFor;
}());
