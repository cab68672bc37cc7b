<% ns_adp_bind_args words found %><form action="/wiki/search"><input name="q" value="<%= [ns_quotehtml $words] %>"><button>Search</button></form>
<dl>
<% foreach {name text} $found {
    ns_adp_puts "<dt>[::wiki::link $name]</dt><dd>[ns_quotehtml $text]</dd>"
} %></dl>
