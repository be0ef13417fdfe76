#!/usr/bin/env bash
# @copilotkit/aimock 1.43.0 on Node 20: a streamed answer says that the connection is kept, after a
# request that asked for its end; the next request on it is refused.
#
# Asked:     two requests on one connection, the first with "Connection: close", "stream": true.
# Expected:  RFC 9112, section 9.6: a server that receives the option "close" must initiate closure
#            after its response, should say "close" in that response, and must not process further
#            requests. So a client reads "Connection: close", or the end of the connection.
# Seen:      "Connection: keep-alive", no end of the connection for a second, then for the second
#            request "HTTP/1.1 400 Bad Request". An answer that is not streamed says "close", and the
#            connection ends: the header is set by hand for streams only.
#
# A client that believes the response keeps the connection and fails on every second request.
# Needs node, npm and their registry. Exits with 0 as long as this is so.
set -euo pipefail

work="$(mktemp -d)"
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund @copilotkit/aimock@1.43.0
echo '{"fixtures": [{"match": {"userMessage": "hello"}, "response": {"content": "Hi."}}]}' >hi.json
node node_modules/@copilotkit/aimock/dist/cli.js --port 0 --fixtures hi.json >log 2>&1 &
for _ in $(seq 100); do
    port="$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' log)"
    [ -z "$port" ] || break
    sleep 0.1
done

cat >ask.mjs <<'END'
import net from "node:net";

// The first line and the Connection header of both answers, and whether the first ended anything.
function ask(stream) {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({
      model: "any", stream, messages: [{ role: "user", content: "hello" }],
    });
    const request = (option) => [
      "POST /v1/chat/completions HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(body)}`, `Connection: ${option}`, "", body,
    ].join("\r\n");
    const socket = net.connect(Number(process.argv[2]), "127.0.0.1");
    let came = "";
    let ended = false;
    socket.setTimeout(20_000, () => reject(new Error("no answer")));
    socket.on("error", reject);
    socket.on("data", (block) => { came += block; });
    socket.on("end", () => { ended = true; });
    socket.write(request("close"));
    setTimeout(() => {
      const first = { says: /^connection: (.*)\r$/im.exec(came)?.[1], ends: ended };
      if (ended) { resolve([first]); return; }
      came = "";
      socket.write(request("keep-alive"));
      setTimeout(() => { socket.destroy(); resolve([first, came.split("\r\n")[0]]); }, 1000);
    }, 1000);
  });
}

console.log(JSON.stringify([await ask(true), await ask(false)]));
END
seen="$(node ask.mjs "$port")"
echo "$seen"
[ "$seen" = '[[{"says":"keep-alive","ends":false},"HTTP/1.1 400 Bad Request"],[{"says":"close","ends":true}]]' ]
