<a href="/wiki/login">Login</a> <a href="/wiki/signup">Signup</a>
