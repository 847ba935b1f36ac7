#include "signaling/b2bua/body.h"

#include "signaling/sip/content.h"

namespace sallyport::b2bua {

using sip::HeaderName;

std::string Body::finish(sip::Composer& message) const {
    if (!mime_version.empty()) message.add(HeaderName::mime_version, mime_version);
    if (!disposition.empty()) message.add(HeaderName::content_disposition, disposition);
    return message.finish(type, text);
}

Body body_across(const sip::Message& from, std::string description, Sender sender) {
    const auto content = sip::read_content(from);
    const bool only_description =
        !content.has_value() || (!content->multipart && content->description != sip::Content::none);
    if (sender == Sender::hidden || only_description || content->parts.empty())
        return {description.empty() ? std::string() : "application/sdp", {}, std::move(description)};
    const auto stated = [&](HeaderName name) { return std::string(from.first(name).value_or("")); };
    return {stated(HeaderName::content_type), stated(HeaderName::content_disposition),
            sip::with_description(from, *content, description), stated(HeaderName::mime_version)};
}

}  // namespace sallyport::b2bua
