"""The blocks for the add-in, for everyone or for the members of a group (deployment
guide, "Restricting the scheduling add-in to specific users"). Pure."""

ONLINE = """
# --- The add-in, the recommended way ----------------------------------------------
# Microsoft 365 admin center, Settings, Integrated apps, Upload custom apps: it follows
# the members of a group by itself. If you do that, stop here: the rest is for
# organizations that cannot.

$DeployHere = $false  # CHOOSE
"""

EXPAND = """
# --- The members of a group, including those of nested groups ---------------------
# Exchange takes people, not groups: run this again when members come or go.

function Expand-Members([string] $Group, [hashtable] $Seen = @{}) {
    if ($Seen.ContainsKey($Group)) { return }
    $Seen[$Group] = $true
    $Members = Get-DistributionGroupMember -Identity $Group -ResultSize Unlimited
    foreach ($Member in $Members) {
        if ("$($Member.RecipientType)" -like '*Group*') {
            Expand-Members $Member.DistinguishedName $Seen
        }
        elseif ($Member.PrimarySmtpAddress) { "$($Member.PrimarySmtpAddress)" }
    }
}
"""

EXPAND_ACTIVE_DIRECTORY = """
# For a group of Active Directory that has no mail address (Active Directory module):
function Expand-Directory([string] $Group) {
    Get-ADGroupMember -Identity $Group -Recursive |
        Where-Object { $_.objectClass -eq 'user' } |
        ForEach-Object { (Get-ADUser -Identity $_.distinguishedName).UserPrincipalName }
}
"""

EXPAND_ENTRA = """
# For a group of Entra ID that is no distribution group (Install-Module
# Microsoft.Graph.Groups), nested groups included:
function Expand-Directory([string] $Group) {
    Connect-MgGraph -Scopes 'GroupMember.Read.All', 'User.Read.All' -NoWelcome
    $Found = @(Get-MgGroup -Filter "displayName eq $(Filtered $Group)")
    if ($Found.Count -ne 1) { throw "$($Found.Count) groups are called $Group." }
    Get-MgGroupTransitiveMember -GroupId $Found[0].Id -All |
        Where-Object { $_.AdditionalProperties['@odata.type'] -like '*.user' } |
        ForEach-Object { $_.AdditionalProperties['userPrincipalName'] }
}
"""

DEPLOY = """
# --- The add-in -------------------------------------------------------------------
# The manifest is looked for in the current folder. After a change that raises
# manifest_revision, download it again and run this again. Without it, or with the one
# that is installed, only who gets the add-in is changed.

$Old = Get-App -OrganizationApp | Where-Object { "$($_.AppId)" -eq $AddinId }
$Version = ''
if (Test-Path -LiteralPath $Manifest) {
    $Path = (Resolve-Path -LiteralPath $Manifest).ProviderPath
    $Xml = New-Object System.Xml.XmlDocument
    $Xml.Load($Path)
    $Version = $Xml.DocumentElement['Version'].InnerText
}
if ($DeployHere -eq $false) { Write-Host 'The add-in is deployed elsewhere.' }
elseif (-not ($Old -or $Version)) {
    Write-Warning "There is no $Manifest here: the add-in was not deployed."
}
else {
    $Options = @{ DefaultStateForUser = 'Enabled'; ProvidedTo = 'Everyone' }
    if ($AddinGroup) {
        if (Get-DistributionGroup -Identity $AddinGroup -ErrorAction SilentlyContinue) {
            $Users = @(Expand-Members $AddinGroup | Sort-Object -Unique)
        }
        else { $Users = @(Expand-Directory $AddinGroup | Sort-Object -Unique) }
        if ($Users.Count -eq 0) { throw "The group $AddinGroup has no members." }
        if ($Users.Count -gt 1000) {
            throw "The group has $($Users.Count) members; Exchange takes at most 1000."
        }
        $Options.ProvidedTo = 'SpecificUsers'
        $Options.UserList = $Users
    }
    if ($Old -and ($Version -eq '' -or "$($Old.AppVersion)" -eq $Version)) {
        # What users have set for themselves stays.
        Set-App -OrganizationApp -Identity $Old.AppId @Options
    }
    else {
        # There is no way to update a manifest: the old one goes, the new one comes.
        if ($Old) { Remove-App -OrganizationApp -Identity $Old.AppId -Confirm:$false }
        $Data = [System.IO.File]::ReadAllBytes($Path)
        New-App -OrganizationApp -FileData $Data @Options
    }
}
"""
