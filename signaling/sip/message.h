// One SIP message as received: its bytes and an index of its fields (RFC 3261 7). What every element needs is taken
// apart where it stands, everything else by the pure parsers of fields.h when somebody asks. Never modified, so copies
// share it; a view that it gives is valid as long as any of them is. What we send is composed anew (compose.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
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

class FieldValues;

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
    // All fields of the name, lists split, in order: to be gone through once, or as a list of its own.
    FieldValues each(HeaderName name) const;
    std::vector<std::string_view> values(HeaderName name) const;
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
    friend class FieldValues;
    struct IndexEntry {
        HeaderName name = HeaderName::other;
        std::uint8_t to_next = 0;  // so many fields on stands the next one of the same name; 0: none does
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

        std::size_t first_of(
            HeaderName name) const {  // where its first field stands in `fields`; their number: nowhere
            const std::size_t position = first[static_cast<std::size_t>(name)];
            return position == 0 ? fields.size() : position - 1;
        }

        std::string buffer;
        std::vector<IndexEntry> fields;
        std::array<std::uint16_t, static_cast<std::size_t>(HeaderName::other) + 1> first{};  // position + 1, by name
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

// What Message::each() goes through. Valid as long as a copy of the message is.
class FieldValues {
public:
    class Iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;
        using pointer = const std::string_view*;
        using reference = std::string_view;

        std::string_view operator*() const { return one_; }
        Iterator& operator++() {
            advance();
            return *this;
        }
        bool operator==(std::default_sentinel_t) const { return content_ == nullptr; }

    private:
        friend class FieldValues;
        Iterator(const Message::Content& content, HeaderName name)
            : content_(&content), at_(content.first_of(name)), list_(is_list(name)) {
            advance();
        }
        void advance();

        const Message::Content* content_;
        std::string_view one_, rest_;  // this value, and what follows it in its field
        std::size_t at_;               // the next field of the name; their number: none is left
        bool list_;
    };
    Iterator begin() const { return {*content_, name_}; }
    std::default_sentinel_t end() const { return {}; }
    bool empty() const { return begin() == end(); }

private:
    friend class Message;
    FieldValues(const Message::Content& content, HeaderName name) : content_(&content), name_(name) {}
    const Message::Content* content_;
    HeaderName name_;
};

}  // namespace sallyport::sip
