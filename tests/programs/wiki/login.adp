<% ns_adp_bind_args what back error
   if {$error ne ""} { ns_adp_include message.adp $error }
%><form method="post" action="/wiki/<%= [string tolower $what] %>">
<csrf><input type="hidden" name="back" value="<%= [ns_quotehtml $back] %>">
<input name="user"> <input name="password" type="password">
<button><%= $what %></button>
</form>
