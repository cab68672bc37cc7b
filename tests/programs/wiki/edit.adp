<%
    # name, revision that this is based on, text, and what somebody else has saved meanwhile
    lassign [ns_adp_argv] name base text other
    if {[ns_adp_argc] > 3} { ns_adp_include conflict.adp $other }
%><form method="post" action="/wiki/edit/<%= [ns_urlencode -part path $name] %>">
<csrf><input type="hidden" name="base" value="<%= $base %>">
<textarea name="text"><%= [ns_quotehtml $text] %></textarea>
<button>Save</button>
</form>
