#include "control/wire/call_convert.h"

namespace sallyport::wire {
namespace {

using config::FieldErrors;

config::MusicOnHold music_from(pb::MusicOnHold music, FieldErrors& errors) {
    switch (music) {
        case pb::MUSIC_ON_HOLD_UNSPECIFIED:
        case pb::MUSIC_ON_HOLD_PASS: return config::MusicOnHold::pass;
        case pb::MUSIC_ON_HOLD_OWN: return config::MusicOnHold::own;
        case pb::MUSIC_ON_HOLD_NETWORK: return config::MusicOnHold::network;
        case pb::MUSIC_ON_HOLD_NONE: return config::MusicOnHold::none;
        default: break;
    }
    errors.push_back({"media.music_on_hold", "must be one of pass, own, network, none"});
    return config::MusicOnHold::pass;
}

pb::MusicOnHold music_to(config::MusicOnHold music) {
    switch (music) {
        case config::MusicOnHold::pass: return pb::MUSIC_ON_HOLD_PASS;
        case config::MusicOnHold::own: return pb::MUSIC_ON_HOLD_OWN;
        case config::MusicOnHold::network: return pb::MUSIC_ON_HOLD_NETWORK;
        case config::MusicOnHold::none: return pb::MUSIC_ON_HOLD_NONE;
    }
    return pb::MUSIC_ON_HOLD_UNSPECIFIED;
}

config::EarlyMedia early_media_from(pb::EarlyMedia early, FieldErrors& errors) {
    switch (early) {
        case pb::EARLY_MEDIA_UNSPECIFIED:
        case pb::EARLY_MEDIA_DESCRIBED: return config::EarlyMedia::described;
        case pb::EARLY_MEDIA_ANNOUNCED: return config::EarlyMedia::announced;
        case pb::EARLY_MEDIA_NONE: return config::EarlyMedia::none;
        default: break;
    }
    errors.push_back({"media.early_media", "must be one of described, announced, none"});
    return config::EarlyMedia::described;
}

config::Fax fax_from(pb::Fax fax, FieldErrors& errors) {
    switch (fax) {
        case pb::FAX_UNSPECIFIED:
        case pb::FAX_T38: return config::Fax::t38;
        case pb::FAX_OFF: return config::Fax::off;
        default: break;
    }
    errors.push_back({"media.fax", "must be one of t38, off"});
    return config::Fax::t38;
}

}  // namespace

config::MediaPolicy media_from(const pb::MediaPolicy& message, config::SrtpPolicy otherwise, FieldErrors& errors) {
    config::MediaPolicy media;
    media.srtp = otherwise;
    if (message.srtp() == pb::SRTP_POLICY_REQUIRED)
        media.srtp = config::SrtpPolicy::required;
    else if (message.srtp() == pb::SRTP_POLICY_OFF)
        media.srtp = config::SrtpPolicy::off;
    else if (message.srtp() != pb::SRTP_POLICY_UNSPECIFIED)
        errors.push_back({"media.srtp", "must be one of required, off"});
    media.codecs.assign(message.codecs().begin(), message.codecs().end());
    if (message.inactivity_seconds() != 0) media.inactivity_seconds = message.inactivity_seconds();
    media.latch_any_address = message.latch_any_address();
    media.port = message.port();
    media.music_on_hold = music_from(message.music_on_hold(), errors);
    media.early_media = early_media_from(message.early_media(), errors);
    media.packet_milliseconds = message.packet_milliseconds();
    media.fax = fax_from(message.fax(), errors);
    return media;
}

pb::MediaPolicy media_to(const config::MediaPolicy& media) {
    pb::MediaPolicy message;
    message.set_srtp(media.srtp == config::SrtpPolicy::required ? pb::SRTP_POLICY_REQUIRED : pb::SRTP_POLICY_OFF);
    for (const auto& codec : media.codecs) message.add_codecs(codec);
    message.set_inactivity_seconds(media.inactivity_seconds);
    message.set_latch_any_address(media.latch_any_address);
    message.set_port(media.port);
    message.set_packet_milliseconds(media.packet_milliseconds);
    if (media.music_on_hold != config::MusicOnHold::pass) message.set_music_on_hold(music_to(media.music_on_hold));
    if (media.early_media != config::EarlyMedia::described)
        message.set_early_media(media.early_media == config::EarlyMedia::announced ? pb::EARLY_MEDIA_ANNOUNCED
                                                                                   : pb::EARLY_MEDIA_NONE);
    if (media.fax != config::Fax::t38) message.set_fax(pb::FAX_OFF);
    return message;
}

config::SessionTimers timers_from(const pb::SessionTimers& message, FieldErrors& errors) {
    config::SessionTimers timers;
    if (message.min_seconds() != 0) timers.min_seconds = message.min_seconds();
    if (message.seconds() != 0) timers.seconds = message.seconds();
    if (message.on_request() && message.seconds() != 0)
        errors.push_back({"session_timers.seconds", "is given beside on_request: give one or the other"});
    if (message.on_request()) timers.seconds = 0;
    return timers;
}

void timers_to(const config::SessionTimers& timers, pb::SessionTimers& message) {
    const config::SessionTimers unsaid;
    if (timers.seconds != unsaid.seconds) message.set_seconds(timers.seconds);
    if (timers.min_seconds != unsaid.min_seconds) message.set_min_seconds(timers.min_seconds);
    message.set_on_request(timers.seconds == 0);
}

config::OnNet on_net_from(pb::OnNet on_net, FieldErrors& errors) {
    switch (on_net) {
        case pb::ON_NET_UNSPECIFIED:
        case pb::ON_NET_CARRIER: return config::OnNet::carrier;
        case pb::ON_NET_CUSTOMER: return config::OnNet::customer;
        case pb::ON_NET_NODE: return config::OnNet::node;
        default: break;
    }
    errors.push_back({"on_net", "must be one of carrier, customer, node"});
    return config::OnNet::carrier;
}

pb::OnNet on_net_to(config::OnNet on_net) {
    switch (on_net) {
        case config::OnNet::carrier: return pb::ON_NET_CARRIER;
        case config::OnNet::customer: return pb::ON_NET_CUSTOMER;
        case config::OnNet::node: return pb::ON_NET_NODE;
    }
    return pb::ON_NET_UNSPECIFIED;
}

config::LargeRequests large_requests_from(pb::LargeRequests large, FieldErrors& errors) {
    switch (large) {
        case pb::LARGE_REQUESTS_UNSPECIFIED: return config::LargeRequests::automatic;
        case pb::LARGE_REQUESTS_TCP: return config::LargeRequests::tcp;
        case pb::LARGE_REQUESTS_TCP_THEN_UDP: return config::LargeRequests::tcp_then_udp;
        case pb::LARGE_REQUESTS_UDP: return config::LargeRequests::udp;
        default: break;
    }
    errors.push_back({"large_requests", "must be one of tcp, tcp_then_udp, udp"});
    return config::LargeRequests::automatic;
}

pb::LargeRequests large_requests_to(config::LargeRequests large) {
    switch (large) {
        case config::LargeRequests::automatic: return pb::LARGE_REQUESTS_UNSPECIFIED;
        case config::LargeRequests::tcp: return pb::LARGE_REQUESTS_TCP;
        case config::LargeRequests::tcp_then_udp: return pb::LARGE_REQUESTS_TCP_THEN_UDP;
        case config::LargeRequests::udp: return pb::LARGE_REQUESTS_UDP;
    }
    return pb::LARGE_REQUESTS_UNSPECIFIED;
}

config::CallRecords call_records_from(pb::CallRecords records, FieldErrors& errors) {
    switch (records) {
        case pb::CALL_RECORDS_UNSPECIFIED:
        case pb::CALL_RECORDS_ALL: return config::CallRecords::all;
        case pb::CALL_RECORDS_RECEIVED: return config::CallRecords::received;
        case pb::CALL_RECORDS_NONE: return config::CallRecords::none;
        default: break;
    }
    errors.push_back({"call_records", "must be one of all, received, none"});
    return config::CallRecords::all;
}

pb::CallRecords call_records_to(config::CallRecords records) {
    switch (records) {
        case config::CallRecords::all: return pb::CALL_RECORDS_ALL;
        case config::CallRecords::received: return pb::CALL_RECORDS_RECEIVED;
        case config::CallRecords::none: return pb::CALL_RECORDS_NONE;
    }
    return pb::CALL_RECORDS_UNSPECIFIED;
}

}  // namespace sallyport::wire
