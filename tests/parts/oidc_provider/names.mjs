// One process that answers as several companies' providers do: node names.mjs PORT < profiles (one line of JSON).
// Which one is asked the forwarded host says. The flow is oidc-provider's; what an ID token says is the profile's.
// Prints "READY port"; afterwards "rotate HOST" on stdin gives that one a new key, "adds HOST JSON" changes its claims (null takes one away).
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { Provider, interactionPolicy } from 'oidc-provider'

console.info = console.warn = console.error // stdout is for our own lines

const base64url = (data) => Buffer.from(data).toString('base64url')
const secondsNow = () => Math.floor(Date.now() / 1000)

function newKey () {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = { ...privateKey.export({ format: 'jwk' }), kid: randomBytes(8).toString('hex'), use: 'sig', alg: 'RS256' }
  return { privateKey, jwk }
}

function made (profile) {
  const key = newKey()
  const policy = interactionPolicy.base()
  policy.get('consent').checks.remove('native_client_prompt')
  const provider = new Provider(profile.issuer, {
    clients: [{
      client_id: profile.client_id,
      ...(profile.client_secret && { client_secret: profile.client_secret }),
      application_type: 'native',
      token_endpoint_auth_method: profile.client_secret ? 'client_secret_post' : 'none',
      redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'],
      grant_types: ['authorization_code'],
      response_types: ['code'],
    }],
    clientAuthMethods: ['none', 'client_secret_post'],
    pkce: { required: () => true },
    jwks: { keys: [key.jwk] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    scopes: profile.scopes,
    claims: { openid: ['sub', ...Object.keys(profile.userinfo)] },
    features: { devInteractions: { enabled: false } },
    interactions: { policy, url: (_, { uid }) => `${profile.base}/interaction/${uid}` },
    findAccount: (_, sub) => ({ accountId: sub, claims: async () => ({ sub, ...profile.userinfo }) }),
    async loadExistingGrant ({ oidc }) {
      const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId })
      grant.addOIDCScope(profile.scopes.join(' '))
      await grant.save()
      return grant
    },
  })
  provider.proxy = true
  provider.IdToken.prototype.issue = async function () {
    const now = secondsNow()
    const claims = { // as oidc-provider has them, before the profile's own
      sub: this.available.sub, nonce: this.extra.nonce, auth_time: this.extra.auth_time, iat: now, exp: now + 300,
      iss: profile.issuer, aud: profile.client_id,
    }
    if (this.extra.at_hash) {
      claims.at_hash = base64url(createHash('sha256').update(this.extra.at_hash).digest().subarray(0, 16))
    }
    const says = { ...claims, ...profile.id_token, auth_time: claims.auth_time ?? now }
    for (const name of profile.without) delete says[name]
    const parts = [{ alg: 'RS256', typ: 'JWT', kid: key.jwk.kid }, says].map((part) => base64url(JSON.stringify(part)))
    return `${parts.join('.')}.${base64url(sign('sha256', parts.join('.'), key.privateKey))}`
  }
  return { profile, provider, protocol: provider.callback() }
}

const form = `<!doctype html><html lang="en"><title>Sign in</title><form method="post">
<label>User name <input name="username"></label><label>Password <input name="password" type="password"></label>
<button>Sign in</button></form></html>`

async function interaction ({ profile, provider }, request, response) {
  if (request.method !== 'POST') return response.end(form)
  let body = ''
  for await (const piece of request) body += piece
  if (new URLSearchParams(body).get('password') !== 'alice') return response.end(form)
  return provider.interactionFinished(request, response, { login: { accountId: profile.id_token.sub }, consent: {} })
}

function graph (profile, request, response) { // https://learn.microsoft.com/graph/api/user-list-transitivememberof
  if (!/^Bearer ./.test(request.headers.authorization ?? '')) return response.writeHead(401).end()
  const groups = profile.graph.map((id) => ({ '@odata.type': '#microsoft.graph.group', id }))
  const me = request.url.startsWith('/v1.0/me?')
  response.writeHead(200, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(me ? { id: profile.id_token.oid } : { value: groups }))
}

const there = new Map()
const server = createServer((request, response) => {
  const host = request.headers['x-forwarded-host']
  const found = there.get(host)
  if (!found) return response.writeHead(404).end()
  if (host === 'graph.microsoft.com') return graph(found.profile, request, response)
  request.originalUrl = request.url
  request.url = request.url.slice(found.profile.base.length) || '/'
  if (!request.url.startsWith('/interaction/')) return found.protocol(request, response)
  response.setHeader('Content-Type', 'text/html; charset=utf-8')
  interaction(found, request, response).catch((error) => response.writeHead(500).end(String(error)))
})

const lines = createInterface({ input: process.stdin })
lines.once('line', (line) => {
  for (const [host, profile] of Object.entries(JSON.parse(line))) {
    there.set(host, made(profile))
    if (profile.graph) there.set('graph.microsoft.com', there.get(host))
  }
  server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log(`READY ${server.address().port}`))
  lines.on('line', (order) => {
    const [verb, host, json] = order.split(' ', 3)
    const { profile } = there.get(host)
    if (verb === 'adds') {
      Object.assign(profile.id_token, JSON.parse(json))
      for (const name in profile.id_token) if (profile.id_token[name] === null) delete profile.id_token[name]
    } else there.set(host, made(profile))
    console.log('DONE')
  })
})
lines.on('close', () => process.exit(0)) // never outlives the tests
