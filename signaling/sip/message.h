// One SIP message as received: an owned buffer and an index of its fields (RFC 3261 7). What every element needs is
// parsed eagerly; everything else by the pure parsers of fields.h when somebody asks. Never modified: what we send is
// composed anew (compose.h).
#pragma once

#include <cstdint>
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
    bool is_request() const { return status_ == 0; }
    Method method() const { return cseq_.method; }  // a response: that of its CSeq
    std::string_view method_text() const { return cseq_.method_text; }
    std::string_view request_uri() const;             // requests only
    std::uint16_t status() const { return status_; }  // 100..699; 0 for requests
    std::string_view reason() const;
    std::string_view body() const;
    std::string_view text() const { return buffer_; }  // unfolded, and without what follows Content-Length

    std::size_t field_count() const { return fields_.size(); }
    Field field(std::size_t i) const;
    bool has(HeaderName name) const;
    std::optional<std::string_view> first(HeaderName name) const;        // whole value of the first field of that name
    std::optional<std::string_view> first(std::string_view name) const;  // any header, any case
    std::vector<std::string_view> values(HeaderName name) const;    // all fields of the name, lists split, in order
    bool has_token(HeaderName name, std::string_view token) const;  // e.g. an option tag in Supported, any case

    // Present and valid in every Message that the parser lets out.
    const Via& top_via() const { return top_via_; }
    std::string_view call_id() const;
    const CSeq& cseq() const { return cseq_; }
    const NameAddr& from() const { return from_; }
    const NameAddr& to() const { return to_; }
    std::string_view from_tag() const { return from_.tag(); }
    std::string_view to_tag() const { return to_.tag(); }
    std::optional<std::uint8_t> max_forwards() const { return max_forwards_; }

private:
    friend class Parser;
    struct Slice {
        std::uint32_t offset = 0, length = 0;
    };
    struct IndexEntry {
        HeaderName name = HeaderName::other;
        Slice name_text, value;
    };
    std::string_view view(Slice s) const { return std::string_view(buffer_).substr(s.offset, s.length); }

    std::string buffer_;
    std::vector<IndexEntry> fields_;
    Slice uri_or_reason_, body_, call_id_;
    std::uint16_t status_ = 0;
    Via top_via_;
    CSeq cseq_;
    NameAddr from_, to_;
    std::optional<std::uint8_t> max_forwards_;
};

}  // namespace sallyport::sip
