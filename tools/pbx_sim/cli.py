"""What the pbx_sim and core_sim commands have in common: answering and making calls with rtp_probe as the media."""
import contextlib
import os
import queue
import sys
import tempfile
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))

from lab import media, parties  # noqa: E402
from pbx_sim import sdp  # noqa: E402

# A command runs where it was started: whoever wants a namespace says `ip netns exec`.
HERE = types.SimpleNamespace(prefix=lambda *command: list(command), entered=contextlib.nullcontext)


def probe_binary():
    found = Path(os.environ.get('SALLYPORT_BUILD') or ROOT / 'build' / 'release') / 'bin' / 'rtp_probe'
    if not found.exists():
        sys.exit(f'{found} is missing: build it first (./deploy/quickstart or ./tools/check)')
    return str(found)


def run_directory():
    return tempfile.mkdtemp(prefix='sallyport-peer-')


def say(*words):
    print(*words, flush=True)


def describe(result):
    return (f'{result["frames_received"]} of {result["frames_expected"]} frames intact, {result["lost"]} lost, '
            f'jitter {result["jitter_ms"]:.1f} ms' + ('' if result['ok'] else f' -- {result["failure"]}'))


def make_call(party, to, caller, seconds, request_uri=None):
    """Calls, talks and hangs up; exit status 0 when the signal of the other probe came back intact."""
    offer = party.offer()
    call = party.peer.invite(to, offer, caller=caller, request_uri=request_uri)
    call.local_sdp = sdp.parse(offer)
    final = call.wait_final(60)
    for response in call.transaction.responses:
        say(f'<- {response.status} {response.reason}')
    if final is None or final.status >= 300:
        return 1
    result = party.probe(call, call.local_sdp, duration=seconds).result()
    say(f'heard: {describe(result)}')
    if not call.ended.is_set():
        say(f'BYE -> {call.bye().status}')
    return 0 if result['ok'] else 1


def answer_calls(party, seconds, refresh=None, refresh_seconds=300):
    """Answers every call until interrupted."""
    while True:
        try:
            call = party.peer.wait_call(refresh_seconds)
        except queue.Empty:
            if refresh:
                refresh()
            continue
        say(f'call for {parties.number_of(call.invite)}')
        call.ring()
        try:
            answer = party.answer_to(call.remote_sdp)
        except parties.CallFailed as refusal:
            say(f'  488: {refusal}')
            call.reject(488, 'Not Acceptable Here')
            continue
        if call.answer(answer):
            probe = party.probe(call, call.local_sdp, duration=seconds)
            ended = call.wait_ended(seconds + 60)
            say(f'  heard: {describe(probe.result())}; ' + ('the caller hung up' if ended else 'the call goes on'))
