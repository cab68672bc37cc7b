<%
    # Arguments: the title, the template in it, and what that is to have.
    set argv [lrange [ns_adp_argv] 1 end]
    lassign $argv title template
%><!DOCTYPE html>
<html>
<head><meta charset="utf-8"><title><%= [ns_quotehtml $title] %> – wiki</title></head>
<body>
<% ns_adp_include menu.adp [::wiki::user] %>
<h1><%= [ns_quotehtml $title] %></h1>
<% ns_adp_include $template {*}[lrange $argv 2 end] %>
</body>
</html>
