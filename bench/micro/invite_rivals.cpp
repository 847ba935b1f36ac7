#include "bench/micro/invite_rivals.h"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>

#include "bench/micro/invite_fields.h"
#include "control/base/check.h"
#include "signaling/sdp/session_description.h"
#include "signaling/sip/parser.h"

namespace sallyport::invite_rivals {
namespace {

using sip::HeaderName;

template <class Field>
void ours_uri(const sip::UriView& uri, Field& field, std::string_view name) {
    field(name, uri.user), field(name, uri.host), field(name, uri.port);
}

template <class Field>
bool ours(const std::string& invite, bool with_sdp, Field& field) {
    const auto m = sip::Parser::parse(invite);
    if (!m.has_value()) return false;
    field("method", m->method_text());
    const auto uri = sip::view_uri(m->request_uri());
    if (!uri.has_value()) return false;
    ours_uri(*uri, field, "request-uri");
    field("request-uri user=", sip::ParametersView(uri->parameters).value("user").value_or(""));
    field("via", m->top_via().transport), field("via", m->top_via().host), field("via", m->top_via().port);
    field("via branch", m->top_via().branch);
    field("max-forwards", m->max_forwards().value_or(0));
    for (const auto value : m->values(HeaderName::route)) {
        const auto route = sip::view_name_addr(value);
        if (!route.has_value()) return false;
        ours_uri(route->uri, field, "route");
        field("route transport=", sip::ParametersView(route->uri.parameters).value("transport").value_or(""));
    }
    field("from display", m->from().display), field("from tag", m->from_tag());
    ours_uri(m->from().uri, field, "from");
    ours_uri(m->to().uri, field, "to");
    field("call-id", m->call_id());
    field("cseq", m->cseq().number), field("cseq", m->cseq().method_text);
    const auto contact = sip::view_name_addr(*m->first_value(HeaderName::contact));
    if (!contact.has_value()) return false;
    ours_uri(contact->uri, field, "contact");
    field("contact transport=", sip::ParametersView(contact->uri.parameters).value("transport").value_or(""));
    field("contact +sip.instance", contact->parameters.value("+sip.instance").value_or(""));
    for (const auto value : m->values(HeaderName::allow)) field("allow", value);
    for (const auto value : m->values(HeaderName::supported)) field("supported", value);
    const std::string_view expires = *m->first(HeaderName::session_expires);
    const auto semicolon = expires.find(';');
    const auto seconds = sip::parse_number(expires.substr(0, semicolon));
    const auto of_expires = sip::parse_parameters(expires.substr(semicolon));
    const auto least = sip::parse_number(*m->first(HeaderName::min_se));
    if (!seconds.has_value() || !of_expires.has_value() || !least.has_value()) return false;
    field("session-expires", *seconds);
    field("min-se", *least);
    field("session-expires refresher", of_expires->value("refresher").value_or(""));
    for (const auto value : m->values(HeaderName::accept)) {
        const auto type = sip::parse_media_type(value);
        if (!type.has_value()) return false;
        field("accept", type->type), field("accept", type->subtype);
    }
    field("user-agent", *m->first(HeaderName::user_agent));
    const auto type = sip::parse_media_type(*m->first(HeaderName::content_type));
    if (!type.has_value()) return false;
    field("content-type", type->type), field("content-type", type->subtype);
    field("content-length", m->body().size());
    field("body", m->body());
    if (!with_sdp) return true;
    const auto d = sdp::parse(m->body());
    if (!d.has_value()) return false;
    field("o=", d->origin.username), field("o=", d->origin.session_id), field("o=", d->origin.version);
    field("o=", d->origin.address);
    field("s=", d->session_name);
    field("c=", d->connection->host);
    for (const auto& media : d->media) {
        field("m=", media.media), field("m=", media.port), field("m=", media.protocol);
        for (const auto& a : media.attributes) field("a=", a.name), field("a=", a.value);
    }
    const auto stream = sdp::view_stream(*d, 0);  // takes a=rtpmap apart, as sofia-sip does
    for (const auto& codec : stream.codecs)
        field("rtpmap", codec.payload_type), field("rtpmap", codec.name), field("rtpmap", codec.clock_rate);
    return true;
}

using Names = std::map<std::string, std::string>;

void compare(const Names& ours_said, const Names& other, const char* who, std::size_t at_least) {
    std::size_t compared = 0;
    for (const auto& [name, value] : other) {
        const auto found = ours_said.find(name);
        if (found == ours_said.end()) continue;  // what sofia-sip alone keeps apart
        ++compared;
        if (found->second == value) continue;
        std::fprintf(stderr, "parser_bench: %s of the INVITE is '%s' for us and '%s' for %s\n", name.c_str(),
                     found->second.c_str(), value.c_str(), who);
        std::exit(1);
    }
    if (compared >= at_least) return;
    std::fprintf(stderr, "parser_bench: only %zu fields of %s were compared\n", compared, who);
    std::exit(1);
}

template <class Parse>
void measure(const std::string& name, const std::string& invite, bool with_sdp, Parse parse) {
    benchmark::RegisterBenchmark(name.c_str(), [invite, with_sdp, parse](benchmark::State& state) {
        Looked field;
        for (auto _ : state) SALLYPORT_CHECK(parse(invite, with_sdp, field));
        state.SetItemsProcessed(state.iterations());
    });
}

}  // namespace

void check_that_all_say_the_same(const std::string& invite) {
    Kept us;
    SALLYPORT_CHECK(ours(invite, true, us));
#ifdef SALLYPORT_HAS_OSIP2
    Kept osip;
    SALLYPORT_CHECK(osip2(invite, true, osip));
    compare(us.all, osip.all, "osip2", 25);
#endif
#ifdef SALLYPORT_HAS_SOFIA_SIP
    Kept sofia;
    SALLYPORT_CHECK(sofia_sip(invite, true, sofia));
    compare(us.all, sofia.all, "sofia-sip", 32);
#endif
}

void add(const std::string& invite) {
    for (const bool with_sdp : {true, false}) {
        const std::string prefix = with_sdp ? "invite/" : "invite-without-sdp/";
        measure(prefix + "sallyport", invite, with_sdp,
                [](const std::string& i, bool w, Looked& f) { return ours(i, w, f); });
#ifdef SALLYPORT_HAS_OSIP2
        measure(prefix + "osip2", invite, with_sdp,
                [](const std::string& i, bool w, Looked& f) { return osip2(i, w, f); });
#endif
#ifdef SALLYPORT_HAS_SOFIA_SIP
        measure(prefix + "sofia-sip", invite, with_sdp,
                [](const std::string& i, bool w, Looked& f) { return sofia_sip(i, w, f); });
#endif
    }
}

}  // namespace sallyport::invite_rivals
