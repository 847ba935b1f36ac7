#!/usr/bin/env python3
"""kill -9 of each daemon in turn, with a call up: the others say so in status and metrics and keep their work; new calls
are taken again when it is back, without a restart of their own; nothing is left when a lease has ended."""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import running_edge  # noqa: E402
from lab import parties, process  # noqa: E402

LEASE = 8
NOTICE = 10            # seconds within which a neighbour has to say that one is gone


def call_up(lab, seconds, **options):
    """An established call from the PBX with both probes running; everything that is needed to judge it later."""
    pbx, core = lab.pbx(), lab.core()
    outgoing, incoming = parties.establish(pbx, core, lab.number_uri(lab.core_number), lab.pbx_number)
    probes = [pbx.probe(outgoing, outgoing.local_sdp, duration=seconds, **options),
              core.probe(incoming, incoming.local_sdp, duration=seconds, **options)]
    for probe in probes:
        probe.wait_ready()
    process.wait_until(lambda: lab.edge.scrape('media').get('sallyport_media_relayed_packets_total') > 20, 5,
                       'media flows')
    return outgoing, incoming, probes


def short_call(lab):
    parties.talk(lab.pbx(), lab.core(), lab.number_uri(lab.core_number), lab.pbx_number, seconds=0.4).require_intact()


def reachable(status, daemon):
    return next(d['reachable'] for d in status['daemons'] if d['name'] == f'sallyport-{daemon}')


def wait_metric(lab, daemon, name, value, **labels):
    process.wait_until(lambda: lab.edge.scrape(daemon).get(name, **labels) == value, NOTICE,
                       f'{daemon} shows {name} {value:g}')


@case('control is killed: calls and registrations go on, and signaling says that it is away')
def _(lab):
    outgoing, _, probes = call_up(lab, 4)
    lab.edge.kill('control')
    wait_metric(lab, 'signaling', 'sallyport_control_up', 0)
    require('control is away' in lab.edge.daemons['signaling'].text(), 'no line in the log of signaling')
    equal(lab.pbx().peer.register(bulk=True).status, 200, 'a refresh without control')
    short_call(lab)
    for probe in probes:
        result = probe.result()
        require(result['ok'] and result['lost'] == 0, f'the call beside it: {result}')
    equal(outgoing.bye().status, 200, 'BYE')


@case('control is back: the planes find it by themselves, with everything that was provisioned')
def _(lab):
    before = {d: p.pid for d, p in lab.edge.daemons.items()}
    lab.edge.start_daemon('control')
    lab.edge.wait_serving('control')
    lab.edge.wait_recovered()
    status = lab.edge.status()
    equal((status['trunks'], status['carriers'], status['routes']), ('3', '1', '1'), 'what is provisioned')
    wait_metric(lab, 'signaling', 'sallyport_control_up', 1)
    equal([lab.edge.daemons[d].pid for d in ('media', 'signaling')], [before['media'], before['signaling']], 'processes')
    short_call(lab)


@case('control is killed while signaling restarts: signaling works from its last configuration')
def _(lab):
    lab.edge.kill('control')
    lab.edge.daemons['signaling'].stop()
    lab.edge.start_daemon('signaling')
    lab.edge.wait_serving('signaling')
    wait_metric(lab, 'signaling', 'sallyport_media_up', 1)
    short_call(lab)
    lab.edge.start_daemon('control')
    lab.edge.wait_serving('control')
    lab.edge.wait_recovered()


@case('signaling is told to stop with a call up: both sides get a BYE, one record says why, no media session stays')
def _(lab):
    before = len(lab.edge.records())
    outgoing, incoming, probes = call_up(lab, 2)
    equal(lab.edge.daemons['signaling'].stop(timeout=20), 0, 'the exit code')
    require(outgoing.wait_ended(1) and incoming.wait_ended(1), 'a side had no BYE')
    for probe in probes:
        probe.result()
    records = lab.edge.records()[before:]
    equal([(r['sip_status'], r['ended_by'], r['reason']) for r in records], [(200, 'node', 'the node stops')], 'records')
    equal(len(records[0]['media']), 2, 'legs with statistics')
    process.wait_until(lambda: not lab.edge.scrape('media').get('sallyport_media_sessions'), 5, 'the session is released')
    lab.edge.start_daemon('signaling')
    lab.edge.wait_serving('signaling')
    lab.edge.wait_recovered()


@case('signaling is killed: media of the call goes on, control says so, new sockets are taken again at once')
def _(lab):
    _, _, probes = call_up(lab, 3)
    lab.edge.kill('signaling')
    lab.edge.wait_status(lambda s: not reachable(s, 'signaling'), 'control says that signaling is away', NOTICE)
    wait_metric(lab, 'media', 'sallyport_media_clients_connected', 0)
    for probe in probes:
        result = probe.result()
        require(result['ok'] and result['lost'] == 0, f'media without signaling: {result}')
    equal(lab.edge.scrape('media').get('sallyport_media_sessions'), 1, 'sessions under the lease')


@case('signaling does not come back within the lease: nothing of its calls is left in the media plane')
def _(lab):
    def left():
        media = lab.edge.scrape('media')
        return (media.get('sallyport_media_sessions') or media.get('sallyport_media_mbufs_in_use') or
                media.get('sallyport_media_udp_port_pairs') - media.get('sallyport_media_udp_port_pairs_free'))
    process.wait_until(lambda: not left(), LEASE + 10, 'the lease has ended and took everything with it')
    require(lab.edge.scrape('media').get('sallyport_media_leases_ended_total') >= 1, 'no ended lease was counted')


@case('signaling is back: PBXs register again and calls go through, without a restart of anybody else')
def _(lab):
    lab.edge.start_daemon('signaling')
    lab.edge.wait_serving('signaling')
    lab.edge.wait_recovered()
    short_call(lab)
    lab.require_no_leftovers()


@case('media is killed: new calls get 503, counted and logged, and nothing blocks')
def _(lab):
    # Sequence numbers turn after 100 packets, of which each side has to hear one: who comes later cannot know that they
    # have turned (RFC 3711 3.3.1). The rollover counter is 1 each way when the media plane dies.
    relayed = lab.edge.scrape('media').get('sallyport_media_relayed_packets_total')
    lab.kept = call_up(lab, 18, sequence=65_436)  # longer than any restart, under a sanitizer too
    process.wait_until(lambda: lab.edge.scrape('media').get('sallyport_media_relayed_packets_total') > relayed + 240, 10,
                       'the sequence numbers have turned')
    lab.edge.kill('media')
    wait_metric(lab, 'signaling', 'sallyport_media_up', 0)
    lab.edge.wait_status(lambda s: not reachable(s, 'media') and not s['signaling']['media_up'],
                         'control says that media is away', NOTICE)
    refused = lab.pbx().peer.invite(lab.number_uri(lab.core_number), lab.pbx().offer(), caller=lab.pbx_number)
    answer = refused.wait_final(5)
    require(answer is not None and answer.status == 503, f'a new call got {answer and answer.start_line}')
    require('Retry-After' in answer, 'the 503 has no Retry-After')
    require(lab.edge.scrape('signaling').get('sallyport_calls_total', outcome='refused_media_away') >= 1, 'not counted')
    require('media plane is away' in lab.edge.daemons['signaling'].text(), 'no line in the log of signaling')


@case('media is back: the live call is programmed again on the same ports and its media flows')
def _(lab):
    outgoing, incoming, probes = lab.kept
    lab.edge.start_daemon('media')
    lab.edge.wait_serving('media')
    lab.edge.wait_recovered()
    equal(lab.edge.scrape('media').get('sallyport_media_sessions'), 1, 'sessions after the restart')
    process.wait_until(lambda: lab.edge.scrape('media').get('sallyport_media_relayed_packets_total') > 40, 10,
                       'media of the old call flows again')
    for probe in probes:
        result = probe.result()
        require(result['corrupt'] == 0 and result['auth_failed'] == 0, f'after the restart: {result}')
        require(result['packets_received'] > result['frames_expected'] / 2, f'too little came through: {result}')
    equal(outgoing.bye().status, 200, 'BYE')
    require(incoming.wait_ended(), 'the BYE did not cross')


@case('media is back: new calls are taken, and in the end nothing is left')
def _(lab):
    short_call(lab)
    lab.require_no_leftovers()


@case('every daemon killed at once comes back as if nothing had been')
def _(lab):
    for daemon in tuple(lab.edge.daemons):
        lab.edge.kill(daemon)
    for daemon in ('signaling', 'media', 'control'):
        lab.edge.start_daemon(daemon)
    for daemon in lab.edge.daemons:
        lab.edge.wait_serving(daemon)
    lab.edge.wait_recovered()
    short_call(lab)
    lab.require_no_leftovers()


if __name__ == '__main__':
    sys.exit(main('kill', lambda: running_edge('kill', lease_seconds=LEASE)))
