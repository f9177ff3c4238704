// A certified OpenID Provider for the tests, on loopback: node op.mjs PORT (0: one of the moment).
// With "userinfo" behind the port groups stand there alone, and not in the ID token. Prints "READY issuer"; lines "disable NAME" and "enable NAME" on stdin change who may sign in,
// "logout-to URL" where back-channel logouts go.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { Provider, interactionPolicy } from 'oidc-provider'

console.info = console.warn = console.error // stdout is for our own lines

const people = {
  alice: ['engineers', 'oncall'],
  bob: ['contractors'],
  carol: ['engineers'],
}
const disabled = new Set(['carol'])
const userinfoOnly = process.argv[3] === 'userinfo'

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const key = { ...privateKey.export({ format: 'jwk' }), kid: randomBytes(8).toString('hex'), use: 'sig', alg: 'RS256' }

// Each native client would be asked for consent each time; this one is the company's own.
const policy = interactionPolicy.base()
policy.get('consent').checks.remove('native_client_prompt')

const configuration = {
  clients: [{
    client_id: 'daypass',
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    redirect_uris: ['http://127.0.0.1/callback', 'http://127.0.0.1/callback/npm'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    require_auth_time: true,
  }, { // RFC 8628
    client_id: 'daypass-device',
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    redirect_uris: [],
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
    response_types: [],
    require_auth_time: true,
  }, {
    client_id: 'daypass-pages',
    client_secret: 'known-to-the-ca-alone-and-long-enough',
    application_type: 'web',
    token_endpoint_auth_method: 'client_secret_basic',
    redirect_uris: ['https://ca.example.com/device/callback'],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    require_auth_time: true,
  }],
  pkce: { required: () => true },
  jwks: { keys: [key] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  conformIdTokenClaims: false, // e-mail and groups belong into the ID token, as companies' providers do it
  scopes: ['openid', 'offline_access'],
  claims: {
    openid: ['sub', 'acr', 'amr', 'email', 'email_verified', 'groups', 'preferred_username'],
    email: ['email', 'email_verified'],
    groups: ['groups'],
    profile: ['preferred_username'],
  },
  features: { devInteractions: { enabled: false }, deviceFlow: { enabled: true }, introspection: { enabled: true } },
  interactions: { policy, url: (_, { uid }) => `/interaction/${uid}` },
  findAccount: (_, sub) => {
    const name = sub.replace(/^id-/, '')
    if (!people[name] || disabled.has(name)) return undefined
    const claims = {
      sub, email: `${name}@example.com`, email_verified: true, groups: people[name], preferred_username: name,
    }
    const { groups, ...withoutGroups } = claims
    return { accountId: sub, claims: async (use) => use === 'id_token' && userinfoOnly ? withoutGroups : claims }
  },
  async loadExistingGrant ({ oidc }) {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId })
    grant.addOIDCScope('openid email groups profile offline_access')
    await grant.save()
    return grant
  },
}

// Logouts go to where "logout-to URL" on stdin says; its own fetch refuses loopback.
let logoutTo = ''
Object.assign(configuration.clients[0], {
  backchannel_logout_uri: 'https://ca.example.com/logout', backchannel_logout_session_required: true,
})
configuration.features.backchannelLogout = { enabled: true }
configuration.fetch = (url, { dispatcher, ...options }) => {
  return globalThis.fetch(String(url) === 'https://ca.example.com/logout' ? logoutTo : url, options)
}

const page = (alert) => `<!doctype html><html lang="en"><title>Sign in</title>${alert}
<form method="post"><label>User name <input name="username" autofocus></label>
<label>Password <input name="password" type="password"></label><button>Sign in</button></form></html>`

async function interaction (provider, request, response) {
  if (request.method !== 'POST') return response.end(page(''))
  let body = ''
  for await (const piece of request) body += piece
  const form = new URLSearchParams(body)
  const name = form.get('username')
  if (!Object.hasOwn(people, name) || form.get('password') !== name) return response.end(page('<p>Wrong.</p>'))
  const result = disabled.has(name)
    ? { error: 'access_denied', error_description: 'this account is disabled' }
    : { login: { accountId: `id-${name}`, amr: ['pwd'], acr: 'urn:example:password' }, consent: {} }
  return provider.interactionFinished(request, response, result)
}

const server = createServer()
server.listen(Number(process.argv[2]), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, configuration)
  const protocol = provider.callback()
  provider.on('backchannel.success', () => console.log('LOGGED-OUT ok'))
  provider.on('backchannel.error', (_, error) => console.log(`LOGGED-OUT ${error.message}`))
  server.on('request', (request, response) => {
    if (!request.url.startsWith('/interaction/')) return protocol(request, response)
    response.setHeader('Content-Type', 'text/html; charset=utf-8')
    interaction(provider, request, response).catch((error) => response.writeHead(500).end(String(error)))
  })
  console.log(`READY ${issuer}`)
})

const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  const [verb, name] = line.split(' ')
  if (verb === 'logout-to') logoutTo = name
  else verb === 'disable' ? disabled.add(name) : disabled.delete(name)
  console.log(`DONE ${line}`)
})
lines.on('close', () => process.exit(0)) // never outlives the tests
