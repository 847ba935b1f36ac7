// One SIP message as received: its bytes and an index of its fields (RFC 3261 7). What every element needs is taken
// apart where it stands, everything else by the pure parsers of fields.h when somebody asks. Never modified, so copies
// share it; a view that it gives is valid as long as any of them is. What we send is composed anew (compose.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "signaling/sip/fields.h"
#include "signaling/sip/header_name.h"
#include "signaling/sip/method.h"

namespace sallyport::sip {

struct Field {
    HeaderName name = HeaderName::other;
    std::string_view name_text;  // as received
    std::string_view value;      // unfolded and trimmed
};

class Message {
public:
    Message() : content_(nothing()) {}  // of no fields

    bool is_request() const { return content_->status == 0; }
    Method method() const { return content_->cseq.method; }  // a response: that of its CSeq
    std::string_view method_text() const { return content_->cseq.method_text; }
    std::string_view request_uri() const;                      // requests only
    std::uint16_t status() const { return content_->status; }  // 100..699; 0 for requests
    std::string_view reason() const;
    std::string_view body() const { return content_->body; }
    std::string_view text() const { return content_->buffer; }  // unfolded, and without what follows Content-Length

    std::size_t field_count() const { return content_->fields.size(); }
    Field field(std::size_t i) const;
    bool has(HeaderName name) const;
    std::optional<std::string_view> first(HeaderName name) const;        // whole value of the first field of that name
    std::optional<std::string_view> first(std::string_view name) const;  // any header, any case
    std::optional<std::string_view> first_value(HeaderName name) const;  // that and no other, if it is a list
    std::vector<std::string_view> values(HeaderName name) const;    // all fields of the name, lists split, in order
    bool has_token(HeaderName name, std::string_view token) const;  // e.g. an option tag in Supported, any case

    // Present and valid in every Message that the parser lets out.
    const ViaView& top_via() const { return content_->top_via; }
    std::string_view call_id() const { return content_->call_id; }
    const CSeq& cseq() const { return content_->cseq; }
    const NameAddrView& from() const { return content_->from; }
    const NameAddrView& to() const { return content_->to; }
    std::string_view from_tag() const { return content_->from.tag; }
    std::string_view to_tag() const { return content_->to.tag; }
    std::optional<std::uint8_t> max_forwards() const { return content_->max_forwards; }

private:
    friend class Parser;
    struct IndexEntry {
        HeaderName name = HeaderName::other;
        std::uint16_t name_at = 0, name_size = 0, value_at = 0, value_size = 0;  // a message has 65,535 bytes at most
    };
    // Stays where it is: everything in it points into the buffer. Copies of a Message share it.
    struct Content {
        Content() = default;
        Content(const Content&) = delete;
        Content& operator=(const Content&) = delete;

        std::string_view value(const IndexEntry& entry) const {
            return std::string_view(buffer).substr(entry.value_at, entry.value_size);
        }

        std::string buffer;
        std::vector<IndexEntry> fields;
        std::string_view uri_or_reason, body, call_id;
        std::uint16_t status = 0;
        ViaView top_via;
        CSeq cseq;
        NameAddrView from, to;
        std::optional<std::uint8_t> max_forwards;
    };
    static const std::shared_ptr<const Content>& nothing();
    explicit Message(std::shared_ptr<const Content> content) : content_(std::move(content)) {}

    std::shared_ptr<const Content> content_;
};

}  // namespace sallyport::sip
