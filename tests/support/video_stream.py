"""A stream of H.263 beside the audio of a conversation."""
from cases import equal, require
from lab import parties
from pbx_sim import sdp
from telephones import Telephone, listen


def with_video(conversation, port):
    """The offer with a second stream of another type, H.263, beside the audio."""
    mine, secure = conversation.mine, conversation.mine.party.suite
    mine.version += 1
    text = sdp.build(mine.address, mine.port, secure, mine.key, codecs=mine.codecs, session_id=mine.number, version=mine.version)
    text += f'm=video {port} {"RTP/SAVP" if secure else "RTP/AVP"} 34\r\na=rtpmap:34 H263/90000\r\n'
    return text + (f'a=crypto:1 {secure} inline:{sdp.new_key()}\r\n' if secure and port else '')


def takes_video(conversation):
    """The other side takes the second stream, at a port of its own."""
    into, other = conversation.into, conversation.other

    def answer(message):
        offer = sdp.parse(message.body)
        video = offer.streams[1]
        port = video.port and conversation.video.port
        text = other.describe(offer) + f'm=video {port} {video.profile} 34\r\na=rtpmap:34 H263/90000\r\n'
        if video.cryptos:
            text += f'a=crypto:{video.cryptos[0].tag} {parties.SUITE} inline:{conversation.video.key}\r\n'
        into.respond(200, 'OK', text)
    conversation.video = Telephone(other.party)
    into.on_reinvite = answer


def video_beside_audio(conversation):
    """A second stream of another type is offered, taken, heard both ways, and is over again; the audio goes on. The ports of the edge
    that it had, towards who has offered it and towards the other side."""
    takes_video(conversation)
    mine = Telephone(conversation.mine.party)
    text = with_video(conversation, mine.port)
    answer = conversation.offer(text)
    require(answer.streams[1].port != 0, 'the second stream was not taken')
    local, video = sdp.parse(text).streams[1], conversation.video
    far, at_other = answer.streams[1], conversation.into.remote_sdp.streams[1]
    theirs = video.local
    probes = [listen(mine, None, duration=0.3, payload_type=34, streams=(local, far)),
              listen(video, None, duration=0.3, payload_type=34, streams=(theirs, at_other))]
    for heard in (p.result() for p in probes):
        require(heard['ok'], f'the stream of another type, offered by the {conversation.side}: {heard["failure"]}')
    conversation.require_talk('audio beside it')
    answer = conversation.offer(with_video(conversation, 0))
    equal((answer.streams[1].port, conversation.into.remote_sdp.streams[1].port), (0, 0), 'ports of a stream that is over')
    conversation.require_talk('audio after it')
    return far.port, at_other.port
