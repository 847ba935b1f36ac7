// osip2 on the INVITE of invite_rivals.h.
#include <osipparser2/osip_parser.h>
#include <osipparser2/sdp_message.h>

#include "bench/micro/invite_fields.h"

namespace sallyport::invite_rivals {
namespace {

template <class Field>
void osip_uri(osip_uri_t* uri, Field& field, std::string_view name) {
    field(name, text(uri->username)), field(name, text(uri->host)), field(name, number(text(uri->port)));
}
std::string_view osip_parameter(osip_list_t* list, const char* name) {
    osip_generic_param_t* found = nullptr;
    std::string copy(name);
    return osip_generic_param_get_byname(list, copy.data(), &found) == 0 && found != nullptr ? text(found->gvalue)
                                                                                             : std::string_view();
}

template <class Field>
bool read(const std::string& invite, bool with_sdp, Field& field) {
    [[maybe_unused]] static const int ready = parser_init();
    osip_message_t* m = nullptr;
    if (osip_message_init(&m) != 0) return false;
    if (osip_message_parse(m, invite.data(), invite.size()) != 0) return false;
    field("method", text(osip_message_get_method(m)));
    osip_uri_t* uri = osip_message_get_uri(m);
    osip_uri(uri, field, "request-uri");
    field("request-uri user=", osip_parameter(&uri->url_params, "user"));
    osip_via_t* via = nullptr;
    osip_message_get_via(m, 0, &via);
    field("via", text(via->protocol)), field("via", text(via->host)), field("via", number(text(via->port)));
    field("via branch", osip_parameter(&via->via_params, "branch"));
    osip_route_t* route = nullptr;
    osip_message_get_route(m, 0, &route);
    osip_uri(route->url, field, "route");
    field("route transport=", osip_parameter(&route->url->url_params, "transport"));
    field("from display", text(m->from->displayname));
    field("from tag", osip_parameter(&m->from->gen_params, "tag"));
    osip_uri(m->from->url, field, "from");
    osip_uri(m->to->url, field, "to");
    field("cseq", number(text(m->cseq->number))), field("cseq", text(m->cseq->method));
    osip_contact_t* contact = nullptr;
    osip_message_get_contact(m, 0, &contact);
    osip_uri(contact->url, field, "contact");
    field("contact transport=", osip_parameter(&contact->url->url_params, "transport"));
    field("contact +sip.instance", osip_parameter(&contact->gen_params, "+sip.instance"));
    osip_allow_t* allow = nullptr;
    for (int i = 0; osip_message_get_allow(m, i, &allow) >= 0; ++i) field("allow", text(allow->value));
    osip_accept_t* accept = nullptr;
    for (int i = 0; osip_message_get_accept(m, i, &accept) >= 0; ++i)
        field("accept", text(accept->type)), field("accept", text(accept->subtype));
    field("content-type", text(m->content_type->type)), field("content-type", text(m->content_type->subtype));
    field("content-length", number(text(m->content_length->value)));
    osip_body_t* body = nullptr;
    osip_message_get_body(m, 0, &body);
    field("body", std::string_view(body->body, body->length));
    if (with_sdp) {
        sdp_message_t* d = nullptr;
        if (sdp_message_init(&d) != 0 || sdp_message_parse(d, body->body) != 0) return false;
        field("o=", text(d->o_username)), field("o=", text(d->o_sess_id)), field("o=", text(d->o_sess_version));
        field("o=", text(d->o_addr));
        field("s=", text(d->s_name));
        field("c=", text(d->c_connection->c_addr));
        for (int i = 0; i < osip_list_size(&d->m_medias); ++i) {
            const auto* media = static_cast<sdp_media_t*>(osip_list_get(&d->m_medias, i));
            field("m=", text(media->m_media)), field("m=", number(text(media->m_port))),
                field("m=", text(media->m_proto));
            for (int k = 0; k < osip_list_size(&media->a_attributes); ++k) {
                const auto* a = static_cast<sdp_attribute_t*>(osip_list_get(&media->a_attributes, k));
                field("a=", text(a->a_att_field)), field("a=", text(a->a_att_value));
            }
        }
        sdp_message_free(d);
    }
    osip_message_free(m);
    return true;
}

}  // namespace

bool osip2(const std::string& invite, bool with_sdp, Looked& field) { return read(invite, with_sdp, field); }
bool osip2(const std::string& invite, bool with_sdp, Kept& field) { return read(invite, with_sdp, field); }

}  // namespace sallyport::invite_rivals
