#!/usr/bin/env python3
"""The media plane is taken out of work: `sallyport media drain`. New calls are refused and told why, calls for help are not, what
is up goes on, and whoever waits is told how far it is."""
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tests' / 'support')]
from cases import case, equal, main, require  # noqa: E402
from edge_fixture import CORE_NUMBER, PBX_NUMBER, running_edge  # noqa: E402
from emergency_trunk import HELP, provision_emergency_trunk  # noqa: E402
from lab import parties, process  # noqa: E402


def calls(lab, count):
    pbx, core = lab.pbx(), lab.core()
    return [parties.establish(pbx, core, lab.number_uri(CORE_NUMBER), PBX_NUMBER) for _ in range(count)]


def hang_up(call, incoming):
    equal(call.bye().status, 200, 'BYE')
    require(incoming.wait_ended(), 'the BYE came through')


def require_heard(lab, outgoing, incoming):
    probes = [lab.pbx().probe(outgoing, outgoing.local_sdp, duration=1), lab.core().probe(incoming, incoming.local_sdp, duration=1)]
    for who, heard in zip(('PBX', 'core'), (p.result() for p in probes)):
        require(heard['ok'], f'{who}: {heard["failure"]}')


def tried(lab, uri=None):
    pbx = lab.pbx()
    return pbx.peer.invite(uri or lab.number_uri(CORE_NUMBER), pbx.offer(), caller=PBX_NUMBER).wait_final()


@case('while the media plane drains a new call is refused with 503 and the log says why; what is up talks on, and a call for help '
      'is carried')
def _(lab):
    held = calls(lab, 1)
    try:
        said = lab.edge.cli('media', 'drain', '--no-wait')
        require('1 media session left' in said, said)
        equal(tried(lab).status, 503, 'a new call')
        require('is being drained' in lab.edge.daemons['signaling'].text(), 'the log does not say why')
        require_heard(lab, *held[0])
        parties.talk(lab.pbx(), lab.core(), HELP, PBX_NUMBER, seconds=1).require_intact()
        status = lab.edge.cli('status')
        require('DRAINING for ' in status and 'media session left' in status and 'media undrain' in status, status)
        scraped = lab.edge.scrape('media')
        equal(scraped.get('sallyport_media_draining'), 1, 'sallyport_media_draining')
        equal(scraped.get('sallyport_media_commands_refused_total', reason='draining'), 1, 'refused')
        require('SetMediaDrain' in lab.edge.daemons['control'].text(), 'the audit trail does not know who drained')
    finally:
        equal(lab.edge.cli('media', 'undrain'), 'taking new media sessions', 'undrain')
    held += calls(lab, 1)
    for each in held:
        hang_up(*each)
    lab.require_no_leftovers()


@case('what waits for the media plane tells how many sessions are left, each time that they are fewer, and when there are none')
def _(lab):
    held = calls(lab, 2)
    waiting = subprocess.Popen(lab.edge.cli_command('media', 'drain'), stdout=subprocess.PIPE, text=True)
    try:
        for left, each in zip(('2 media sessions left', '1 media session left'), held):
            line = waiting.stdout.readline()
            require(left in line, f'told {line!r}, not {left}')
            hang_up(*each)
        rest = waiting.communicate(timeout=10)[0]
        require('0 media sessions left' in rest and 'the media plane is empty' in rest, rest)
        equal(waiting.returncode, 0, 'exit code')
    finally:
        waiting.kill()
        lab.edge.cli('media', 'undrain')


@case('what waits for the media plane gives up when it is told to, still draining; the state is there as JSON')
def _(lab):
    held = calls(lab, 1)
    late = lab.edge.cli('media', 'drain', '--max-wait', '0.6', check=False)
    require(late.returncode == 1 and 'still draining, with 1 media session left' in late.stderr, late.stderr)
    state = lab.edge.json('media', 'drain', '--no-wait')
    equal((state['on'], int(state['sessions'])), (True, 1), 'the state')
    before = int(state.get('refused', 0))
    equal(tried(lab).status, 503, 'a call while draining')
    state = json.loads(lab.edge.cli('media', 'drain', '--no-wait', '--json'))
    equal(int(state['refused']), before + 1, 'refused')
    equal(lab.edge.json('media', 'undrain').get('on', False), False, 'undrained')
    hang_up(*held[0])


@case('a call that is up when the media plane restarts has its media again, drained or not; a restart ends the drain')
def _(lab):
    held = calls(lab, 1)
    lab.edge.cli('media', 'drain', '--no-wait')
    lab.edge.restart('media')
    process.wait_until(lambda: lab.edge.scrape('media').get('sallyport_media_sessions') == 1, 15, 'the call is there again')
    equal(lab.edge.scrape('media').get('sallyport_media_draining'), 0, 'sallyport_media_draining')
    held += calls(lab, 1)
    for each in held:
        hang_up(*each)
    lab.require_no_leftovers()


@case('a media plane that is away cannot be drained, and is said to be')
def _(lab):
    lab.edge.daemons['media'].stop()
    try:
        away = lab.edge.cli('media', 'drain', '--no-wait', check=False)
        require(away.returncode == 1 and 'media' in away.stderr, f'{away.returncode}: {away.stderr}')
    finally:
        lab.edge.restart('media')


if __name__ == '__main__':
    sys.exit(main('media_drain', lambda: running_edge('media_drain', prepare=provision_emergency_trunk)))
