// What --help says of a command beyond its options: examples, and what a file looks like.
#pragma once

namespace sallyport::cli {

inline constexpr const char* examples = R"(
Examples:
  sallyport apply -f trunks.yaml --dry-run     what would change
  sallyport apply -f trunks.yaml               change it: all of it, or nothing
  sallyport list trunks
  sallyport get trunk acme-hq > acme-hq.yaml   as YAML that `apply -f` takes
  sallyport registration list --trunk acme-hq
  sallyport call list --live --watch
  sallyport call show c0ffee42                 the message ladder of one call
  sallyport trunk list                         is it registered, since when, why not
  sallyport trunk sheet acme-hq --pbx asterisk what the PBX's administrator needs
  sallyport media top --sort loss              the worst sessions, as they are now
  sallyport drain && systemctl stop sallyport  no new calls; waits for the last one
  sallyport media drain                        no new media sessions; waits for the last one
  sallyport dns zone sip.example.com           what to publish in DNS; dns check looks whether it is there
  sallyport certificate request --realm-domain sip.example.com --out edge.csr
  sallyport explain invite.sip --trunk acme-hq what would become of that call, and why
  sallyport status --json                      for programs

Where control is and who you are comes from options, from SALLYPORT_SERVER, SALLYPORT_CA, SALLYPORT_CERT and
SALLYPORT_KEY, or from ~/.config/sallyport/cli.yaml or /etc/sallyport/cli.yaml:
  server: 127.0.0.1:7443
  ca: /etc/sallyport/tls/ca.pem
  cert: /etc/sallyport/tls/oss.pem
  key: /etc/sallyport/tls/oss.key

Exit code: 0 done, 1 refused or failed (one sentence says why), 2 wrong usage.)";

inline constexpr const char* apply_help = R"(
The file holds resources, each with kind and name, in documents separated by "---" or in lists:
  kind: Trunk
  name: acme-hq
  mode: registration
  realm: access
  registration_aor: sip:acme-hq@sip.example.com
  credentials:
    - {username: acme-hq, password: correct-horse}
  numbers: ["+4930123400..+4930123499"]
  ---
  kind: Carrier
  name: core
  realm: core
  targets: [{host: 192.0.2.9, port: 5060, transport: udp}]
  ---
  kind: Route
  name: default
  prefix: ""
  carriers: [core]

A credential without password keeps the one that is stored. What the file does not name stays, unless --prune.
Problems are told as FILE:LINE:COLUMN: resource: field: what is wrong, all of them.)";

inline constexpr const char* explain_help = R"(
The signaling daemon runs the message through what calls run through: with its configuration, or with the candidate's
changes, with what is registered and counted there now. It prints each rule that spoke, the verdict, and how the INVITE
that would be sent differs. Nothing is sent, nothing is counted. Who sends it counts as known; names are not looked up
in DNS; every target counts as up.
  sallyport explain invite.sip --trunk acme-hq
  sallyport explain invite.sip --trunk acme-hq --candidate new-limits.yaml --at 2026-11-29T03:00:00Z)";

inline constexpr const char* certificate_help = R"(
Makes a private key and a request (PKCS#10) whose subjectAltName has the domain as SIP URI and as DNS name, which is
what PBXs look for (RFC 5922):
  sallyport certificate request --realm-domain sip.example.com --out edge.csr
  sallyport certificate request --realm-domain sip.example.com --san DNS:edge-1.example.com --key-type rsa-3072 \
      --key-out edge.key --out edge.csr

No file is overwritten. Asks no daemon. What your CA makes of the request goes into the realm's tls in signaling.yaml.)";

inline constexpr const char* capture_help = R"(
Both legs, received and sent, from now on. It ends after the time or the packets given, with the call, or with Ctrl-C;
what the plane drops is there too, and why is in the packet's comment. As on the wire: SRTP stays encrypted, unless
--decrypted is given, for which the client certificate needs OU=decrypt. Where one leg has SRTP and the other one has not,
the same is needed for both: without it the packets of the plain leg come with their header alone, and are counted at
the end. Without OU=capture (or admin) there is nothing.
Control keeps on record who has captured what. Headers below UDP are made up: no VLAN, no MAC address.
  sallyport call list --live
  sallyport media capture c0ffee42 --file call.pcap --seconds 30
  sallyport media capture c0ffee42 --file - | tshark -r - -d udp.port==16384,rtp)";

}  // namespace sallyport::cli
