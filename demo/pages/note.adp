<% if {![string is entier -strict [ns_adp_argv 0]]} { ns_returnnotfound; ns_adp_abort }     ;# asked for by itself
    ns_adp_bind_args time text
%><li><p><%= [ns_quotehtml $text] %></p><p class="soft fine"><%= [ns_fmttime $time %H:%M] %>, <%= [ns_adp_parse -string "<ago time=$time>"] %></p></li>
