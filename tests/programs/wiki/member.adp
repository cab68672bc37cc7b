<a href="/wiki/upload">Upload</a>
<form method="post" action="/wiki/logout"><csrf><button>Leave, <%= [ns_quotehtml [ns_adp_argv 0]] %></button></form>
