#!/usr/bin/env python3
"""The registration event package (RFC 6665, RFC 3680) as a PBX and a carrier subscribe to it, and what becomes of other
requests of the core to a number (RFC 6140 6)."""
import queue
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import DOMAIN, STRANGER, running_edge  # noqa: E402
from lab import process  # noqa: E402
from lab.network import CORE  # noqa: E402
from pbx_sim.sip_message import response_to  # noqa: E402
from registrant import over_tcp, over_udp, told  # noqa: E402

HERE = Path(__file__).resolve().parent
PBX = '192.0.2.10'
BULK = dict(domain=DOMAIN, user='pbx17', username='login-of-17', password='seventeen old phones')


def registered(response):
    equal(response and response.status, 200, 'REGISTER')


@case('a PBX subscribes to what it has registered and is told of every change; a carrier learns of a number that it is '
      'there; nobody learns of others [SC-16.4-11]')
def _(lab):
    pbx, aor = over_udp(lab, PBX, 5071, **BULK), f'sip:pbx17@{DOMAIN}'
    equal(pbx.ask(pbx.plain_request('SUBSCRIBE', aor, [('Event', 'reg')])).status, 401, 'SUBSCRIBE of a stranger')
    answer = pbx.subscribe(aor)
    equal(answer.status, 200, 'SUBSCRIBE before it has registered')
    dialog = pbx.subscribed, answer
    equal(told(pbx), ('active', aor, 'init', [], 0), 'what is told at once')
    registered(pbx.register(['<sip:192.0.2.10:5071;x=1;bnc>']))
    equal(told(pbx), ('active', aor, 'active', ['sip:192.0.2.10:5071;x=1'], 1), 'what is told after the registration')
    equal(pbx.subscribe(f'sip:+4930111007@{DOMAIN}', expires=0).status, 200, 'a fetch for a number')
    equal(told(pbx), ('terminated', f'sip:+4930111007@{DOMAIN}', 'active', ['sip:+4930111007@192.0.2.10:5071;x=1'], 0),
          'what is told of a number')
    for uri, options, status in ((f'sip:large@{DOMAIN}', {}, 404), (f'sip:+4930220000@{DOMAIN}', {}, 404),
                                 (aor, dict(event='presence'), 489), (aor, dict(expires=5), 423),
                                 (aor, dict(headers=[('Accept', 'text/plain')]), 406)):
        equal(pbx.subscribe(uri, **options).status, status, f'SUBSCRIBE to {uri}, {options}')
    registered(pbx.register(['*'], expires=0))
    equal(told(pbx)[2:], ('init', [], 2), 'what is told of the end')
    registered(pbx.register())

    core = lab.core().peer
    number = f'sip:+4930111007@{CORE.signaling}'
    heard = queue.Queue()
    before = core._receive_request
    core._receive_request = lambda m, s: (heard.put(m), core.send(response_to(m, 200, 'OK').encode(), s)) \
        if m.method == 'NOTIFY' else before(m, s)
    answer = core.start(core.plain_request('SUBSCRIBE', number, [('Event', 'reg'), ('Expires', '0')])).wait_final(5)
    equal(answer.status, 200, 'SUBSCRIBE of the carrier')
    message = heard.get(timeout=5)
    require(b'state="active"' in message.body and f'<uri>sip:+4930111007@{DOMAIN}</uri>'.encode() in message.body,
            f'what the carrier is told: {message.body}')
    require(PBX.encode() not in message.encode(), 'the place of the PBX went to the core')
    answer = core.start(core.plain_request('SUBSCRIBE', f'sip:pbx17@{CORE.signaling}', [('Event', 'reg')])).wait_final(5)
    equal(answer.status, 404, 'SUBSCRIBE of the carrier to the AOR')
    core._receive_request = before

    equal(core.options(number).status, 200, 'OPTIONS of the core to a number')
    equal(core.start(core.plain_request('XYZZY', number)).wait_final(5).status, 501, 'an unknown method to a number')
    equal(core.start(core.plain_request('MESSAGE', number)).wait_final(5).status, 200, 'MESSAGE to a number')
    equal(pbx.messages.get(timeout=5).uri, 'sip:+4930111007@192.0.2.10:5071', 'the MESSAGE as it came to the PBX')
    equal(pbx.subscribe(aor, expires=0, dialog=dialog).status, 200, 'the end of the subscription')
    registered(pbx.register(['*'], expires=0))
    pbx.close()


@case('a subscription is refreshed, ended, and over when its notification is refused or its connection is gone')
def _(lab):
    pbx, aor = over_udp(lab, PBX, 5071, **BULK), f'sip:pbx17@{DOMAIN}'

    def alive():
        return lab.edge.scrape('signaling').get('sallyport_reg_subscriptions')
    base = alive()
    equal(base, 0, 'subscriptions that others have left')
    answer = pbx.subscribe(aor)
    equal(answer.status, 200, 'SUBSCRIBE')
    dialog = pbx.subscribed, answer
    told(pbx)
    equal(alive() - base, 1, 'subscriptions')
    equal(pbx.subscribe(aor, dialog=dialog).status, 200, 'the refresh')
    equal(told(pbx)[-1], 1, 'the version that the refresh is told')
    equal(pbx.subscribe(aor, expires=0, dialog=dialog).status, 200, 'its end')
    equal(told(pbx)[0], 'terminated', 'the last notification')
    equal(alive() - base, 0, 'subscriptions afterwards')
    equal(pbx.subscribe(aor, dialog=dialog).status, 481, 'a refresh of what is over')
    pbx.answer_to_notify = (481, 'Subscription Does Not Exist')
    equal(pbx.subscribe(aor).status, 200, 'SUBSCRIBE of somebody who forgets it')
    process.wait_until(lambda: alive() == base, 5, 'the subscription ends with the refusal')
    pbx.answer_to_notify = (200, 'OK')
    tcp = over_tcp(lab, STRANGER, **BULK)
    equal(tcp.subscribe(aor).status, 200, 'SUBSCRIBE over TCP')
    equal(alive() - base, 1, 'subscriptions')
    tcp.close()
    process.wait_until(lambda: alive() == base, 5, 'the subscription ends with its connection')
    pbx.close()


if __name__ == '__main__':
    sys.exit(main('reg_event', lambda: running_edge('reg-event', access=('udp', 'tcp', 'tls'), prepare=lambda lab: lab.edge.apply(
        HERE / 'provision_registrar.yaml'))))
