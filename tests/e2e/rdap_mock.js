// An HTTPS server that does what the first part of the path says: rdap_mock.js CERTIFICATE KEY h2|http/1.1
// The last part of the path is the name, which every whole answer holds; of /domain/ok-1.example, the name says
// what to do. Prints its port.
'use strict';
const fs = require('fs');
const http2 = require('http2');
const https = require('https');
const zlib = require('zlib');

const [certificate, key, protocol] = process.argv.slice(2);
const seen = new Map();  // path -> how often
const answer = (name) => JSON.stringify({objectClassName: 'domain', ldhName: name, notices: [{title: 'x'.repeat(500)}]});
const bomb = zlib.gzipSync(Buffer.alloc(32 << 20));  // made once: it takes its time
const big = 'x'.repeat(5 << 20);
const json = {'content-type': 'application/rdap+json'};

const deeds = {
  ok: (reply, name) => reply.send(200, json, answer(name)),
  later: (reply, name) => setTimeout(() => reply.send(200, json, answer(name)), Math.random() * 50),
  none: (reply) => reply.send(404, json, '{"errorCode":404}'),
  throttle: (reply) => reply.send(429, {...json, 'retry-after': '7'}, ''),
  redirect: (reply, name) => reply.send(302, {location: `https://elsewhere.example/domain/${name}`}, 'x'.repeat(1000)),
  gzip: (reply, name) => reply.send(200, {...json, 'content-encoding': 'gzip'}, zlib.gzipSync(answer(name))),
  brotli: (reply, name) => reply.send(200, {...json, 'content-encoding': 'br'}, zlib.brotliCompressSync(answer(name))),
  bomb: (reply) => reply.send(200, {...json, 'content-encoding': 'gzip'}, bomb),
  big: (reply) => reply.send(200, json, big),
  heads: (reply, name) => {
    const many = {};
    for (let i = 0; i < 300; ++i) many[`x-${i}`] = 'y';
    reply.send(200, {...json, ...many}, answer(name));
  },
  other: (reply) => reply.send(200, json, answer('another.example')),
  html: (reply) => reply.send(200, {'content-type': 'text/html'}, '<html>Domain not found</html>'),
  empty: (reply) => reply.send(200, json, ''),
  mute: () => {},
  half: (reply, name) => reply.start(200, {...json, 'content-length': 4000}, answer(name)),
  drip: (reply) => {
    reply.start(200, json, '{');
    setInterval(() => reply.more(' '), 100).unref();
  },
  // Once for each path; then as it should be.
  hangup: (reply, name, first) => (first ? reply.destroy() : deeds.ok(reply, name)),
  refuse: (reply, name, first) => (first && reply.reset ? reply.reset(http2.constants.NGHTTP2_REFUSED_STREAM) : deeds.ok(reply, name)),
  reset: (reply) => (reply.reset ? reply.reset(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM) : reply.destroy()),
  // Says goodbye in front of the last three requests that it heard of.
  goodbye: (reply, name, first) => (first && reply.goodbye ? reply.goodbye() : deeds.ok(reply, name)),
};

function dispatch(path, reply) {
  const [, first, name] = path.split('/');
  const deed = first === 'domain' ? name.split('-')[0] : first;
  const times = (seen.get(path) || 0) + 1;
  seen.set(path, times);
  (deeds[deed] || deeds.none)(reply, name, times === 1);
}

function serveHttp2(stream, headers) {
  stream.on('error', () => {});
  const session = stream.session;
  dispatch(headers[':path'], {
    send(status, fields, body) {
      if (stream.destroyed) return;
      stream.respond({':status': status, ...fields});
      stream.end(body);
    },
    start(status, fields, body) {
      stream.respond({':status': status, ...fields});
      stream.write(body);
    },
    more: (text) => stream.destroyed || stream.write(text),
    destroy: () => session && session.destroy(),
    reset: (code) => stream.close(code),
    // Node takes a last stream of 0 for all that it has seen.
    goodbye: () => (stream.id > 6 ? session && session.goaway(0, stream.id - 6)
                                  : stream.close(http2.constants.NGHTTP2_REFUSED_STREAM)),
  });
}

function serveHttp1(request, response) {
  dispatch(request.url, {
    send(status, fields, body) {
      response.writeHead(status, fields);
      response.end(body);
    },
    start(status, fields, body) {
      response.writeHead(status, fields);
      response.write(body);
    },
    more: (text) => response.destroyed || response.write(text),
    destroy: () => request.socket.destroy(),
  });
}

const tls = {cert: fs.readFileSync(certificate), key: fs.readFileSync(key), settings: {maxConcurrentStreams: 50},
             maxSessionMemory: 1000};  // MB; with less, Node refuses streams while big bodies wait
const server = protocol === 'h2' ? http2.createSecureServer(tls) : https.createServer(tls, serveHttp1);
if (protocol === 'h2') server.on('stream', serveHttp2);
server.on('sessionError', () => {});
server.on('tlsClientError', () => {});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
