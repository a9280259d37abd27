// Heroku's command looks for the registry at "registry." before HEROKU_HOST, which is no
// host name when that is an address with its scheme: it is this machine.
const dns = require('node:dns')
const lookup = dns.lookup
dns.lookup = (name, ...rest) => lookup(name.startsWith('registry.http') ? '127.0.0.1' : name, ...rest)
