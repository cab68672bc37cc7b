<% ns_adp_bind_args user %><nav>
<a href="/wiki">Pages</a> <a href="/wiki/recent">Recent</a> <wikilink name="Front page">
<form action="/wiki/search"><input name="q"></form>
<% if {$user eq ""} { ns_adp_include guest.adp } else { ns_adp_include member.adp $user } %>
</nav>
