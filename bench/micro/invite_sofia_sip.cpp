// sofia-sip on the INVITE of invite_rivals.h.
#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sdp.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>

#include "bench/micro/invite_fields.h"

namespace sallyport::invite_rivals {
namespace {

template <class Field>
void sofia_uri(const url_t& uri, Field& field, std::string_view name) {
    field(name, text(uri.url_user)), field(name, text(uri.url_host)), field(name, number(text(uri.url_port)));
}
template <class Field>
void sofia_uri_parameter(const url_t& uri, const char* parameter, Field& field, std::string_view name) {
    char value[64] = "";
    url_param(uri.url_params, parameter, value, sizeof value);
    field(name, std::string_view(value));
}

template <class Field>
bool read(const std::string& invite, bool with_sdp, Field& field) {
    msg_t* m = msg_make(sip_default_mclass(), 0, invite.data(), static_cast<ssize_t>(invite.size()));
    if (m == nullptr) return false;
    const sip_t* s = sip_object(m);
    if (s == nullptr || s->sip_error != nullptr || s->sip_request == nullptr || s->sip_payload == nullptr) return false;
    field("method", text(s->sip_request->rq_method_name));
    sofia_uri(*s->sip_request->rq_url, field, "request-uri");
    sofia_uri_parameter(*s->sip_request->rq_url, "user", field, "request-uri user=");
    const std::string_view protocol = text(s->sip_via->v_protocol);
    field("via", protocol.substr(protocol.rfind('/') + 1)), field("via", text(s->sip_via->v_host));
    field("via", number(text(s->sip_via->v_port)));
    field("via branch", text(s->sip_via->v_branch));
    field("max-forwards", s->sip_max_forwards->mf_count);
    for (const sip_route_t* route = s->sip_route; route != nullptr; route = route->r_next) {
        sofia_uri(*route->r_url, field, "route");
        sofia_uri_parameter(*route->r_url, "transport", field, "route transport=");
    }
    field("from display", text(s->sip_from->a_display)), field("from tag", text(s->sip_from->a_tag));
    sofia_uri(*s->sip_from->a_url, field, "from");
    sofia_uri(*s->sip_to->a_url, field, "to");
    field("call-id", text(s->sip_call_id->i_id));
    field("cseq", s->sip_cseq->cs_seq), field("cseq", text(s->sip_cseq->cs_method_name));
    sofia_uri(*s->sip_contact->m_url, field, "contact");
    sofia_uri_parameter(*s->sip_contact->m_url, "transport", field, "contact transport=");
    field("contact +sip.instance", text(msg_params_find(s->sip_contact->m_params, "+sip.instance=")));
    for (auto item = s->sip_allow->k_items; *item != nullptr; ++item) field("allow", text(*item));
    for (auto item = s->sip_supported->k_items; *item != nullptr; ++item) field("supported", text(*item));
    field("session-expires", s->sip_session_expires->x_delta);
    field("session-expires refresher", text(s->sip_session_expires->x_refresher));
    field("min-se", s->sip_min_se->min_delta);
    for (const sip_accept_t* accept = s->sip_accept; accept != nullptr; accept = accept->ac_next) {
        const std::string_view type = text(accept->ac_type);
        field("accept", type.substr(0, type.find('/'))), field("accept", text(accept->ac_subtype));
    }
    field("user-agent", text(s->sip_user_agent->g_string));
    const std::string_view type = text(s->sip_content_type->c_type);
    field("content-type", type.substr(0, type.find('/'))), field("content-type", text(s->sip_content_type->c_subtype));
    field("content-length", s->sip_content_length->l_length);
    field("body", std::string_view(s->sip_payload->pl_data, s->sip_payload->pl_len));
    if (with_sdp) {
        sdp_parser_t* parser =
            sdp_parse(nullptr, s->sip_payload->pl_data, static_cast<issize_t>(s->sip_payload->pl_len), 0);
        const sdp_session_t* d = sdp_session(parser);
        if (d == nullptr) return false;
        field("o=", text(d->sdp_origin->o_username)), field("o=", d->sdp_origin->o_id),
            field("o=", d->sdp_origin->o_version);
        field("o=", text(d->sdp_origin->o_address->c_address));
        field("s=", text(d->sdp_subject));
        field("c=", text(d->sdp_connection->c_address));
        for (const sdp_media_t* media = d->sdp_media; media != nullptr; media = media->m_next) {
            field("m=", text(media->m_type_name)), field("m=", media->m_port), field("m=", text(media->m_proto_name));
            for (const sdp_rtpmap_t* map = media->m_rtpmaps; map != nullptr; map = map->rm_next)
                field("rtpmap", map->rm_pt), field("rtpmap", text(map->rm_encoding)), field("rtpmap", map->rm_rate);
            // Without what stands in its own places: rtpmap, fmtp, the direction.
            for (const sdp_attribute_t* a = media->m_attributes; a != nullptr; a = a->a_next)
                field("other a=", text(a->a_name)), field("other a=", text(a->a_value));
        }
        sdp_parser_free(parser);
    }
    msg_destroy(m);
    return true;
}

}  // namespace

bool sofia_sip(const std::string& invite, bool with_sdp, Looked& field) { return read(invite, with_sdp, field); }
bool sofia_sip(const std::string& invite, bool with_sdp, Kept& field) { return read(invite, with_sdp, field); }

}  // namespace sallyport::invite_rivals
