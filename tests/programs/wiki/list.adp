<ul>
<% foreach name [ns_adp_argv 0] {
    ns_adp_puts "<li>[::wiki::link $name]"
} %></ul>
<%-- the number is for those who have many --%>
<p><%= [llength [ns_adp_argv 0]] %> pages.</p>
