"""Microsoft's authentication library for browsers, for nested app authentication.

It is `@azure/msal-browser` of npm, under the MIT licence. It is not part of this
package: `python -m pexschedd.web.addin.msal` fetches the one version that is pinned in
`library`, which is served to panes that need it. Outlooks fetch nothing from elsewhere.
"""
