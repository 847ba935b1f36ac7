// Resources as YAML: the counterpart of provision_yaml.cpp. What is at its default is left out; secrets are not known.
#include <google/protobuf/message.h>

#include <charconv>

#include "control/cli/enum_words.h"
#include "control/cli/provision_yaml.h"

namespace sallyport::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

bool is_plain(std::string_view text) {
    if (text.empty() || text == "true" || text == "false" || text == "null" || text == "~") return false;
    if (text.front() == '-' || text.front() == '+' || text.back() == ' ') return false;  // "+49" would read as a number
    for (const char c : text)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              std::string_view("._/@-").find(c) != std::string_view::npos))
            return false;
    return text.find_first_not_of("0123456789.") != text.npos;
}

std::string scalar(std::string_view text) {
    if (is_plain(text)) return std::string(text);
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

class Writer {
public:
    void fields(const Message& message, std::size_t indent, std::string_view lead) {
        std::vector<const FieldDescriptor*> set;
        message.GetReflection()->ListFields(message, &set);
        for (const auto* field : set) {
            if (field->name() == "etag" || field->name() == "algorithms" || (indent == 0 && field->name() == "name"))
                continue;
            text_ += lead.empty() ? std::string(indent, ' ') : std::string(lead);
            lead = {};
            text_ += field->name() + ':';
            value(message, *field, indent);
        }
    }
    std::string take() { return std::move(text_); }
    void line(const std::string& text) { text_ += text + '\n'; }

private:
    void value(const Message& message, const FieldDescriptor& field, std::size_t indent) {
        const auto& reflection = *message.GetReflection();
        const bool messages = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
        if (field.is_repeated() && messages) {
            text_ += '\n';
            for (int i = 0; i < reflection.FieldSize(message, &field); ++i)
                item(reflection.GetRepeatedMessage(message, &field, i), indent + 2);
        } else if (field.is_repeated()) {
            text_ += " [";
            for (int i = 0; i < reflection.FieldSize(message, &field); ++i)
                text_ += (i == 0 ? "" : ", ") + element(message, field, i);
            text_ += "]\n";
        } else if (const auto* range = messages ? range_of(reflection.GetMessage(message, &field)) : nullptr) {
            text_ += ' ' + range_text(*range) + '\n';
        } else if (messages) {
            text_ += '\n';
            fields(reflection.GetMessage(message, &field), indent + 2, {});
        } else {
            text_ += ' ' + element(message, field, -1) + '\n';
        }
    }

    void item(const Message& message, std::size_t indent) {
        const auto lead = std::string(indent, ' ') + "- ";
        if (const auto* range = range_of(message)) {
            text_ += lead + range_text(*range) + '\n';
            return;
        }
        const auto before = text_.size();
        fields(message, indent + 2, lead);
        if (text_.size() == before) text_ += lead + "{}\n";
    }

    static const pv1::NumberRange* range_of(const Message& message) {
        return dynamic_cast<const pv1::NumberRange*>(&message);
    }
    static std::string range_text(const pv1::NumberRange& range) {
        const bool one = range.last().empty() || range.first() == range.last();
        return scalar(one ? range.first() : range.first() + ".." + range.last());
    }

    static std::string element(const Message& message, const FieldDescriptor& field, int index) {
        const auto& r = *message.GetReflection();
        const bool repeated = index >= 0;
        switch (field.cpp_type()) {
            case FieldDescriptor::CPPTYPE_BOOL: return r.GetBool(message, &field) ? "true" : "false";
            case FieldDescriptor::CPPTYPE_UINT32:
                return std::to_string(repeated ? r.GetRepeatedUInt32(message, &field, index)
                                               : r.GetUInt32(message, &field));
            case FieldDescriptor::CPPTYPE_DOUBLE: {
                char digits[32];
                const auto end = std::to_chars(digits, digits + sizeof digits, r.GetDouble(message, &field)).ptr;
                return {digits, end};
            }
            case FieldDescriptor::CPPTYPE_ENUM:
                return enum_word(repeated ? *r.GetRepeatedEnum(message, &field, index) : *r.GetEnum(message, &field));
            default:
                return scalar(repeated ? r.GetRepeatedString(message, &field, index) : r.GetString(message, &field));
        }
    }

    std::string text_;
};

template <class M>
std::string resource(const M& message, const std::string& kind) {
    Writer writer;
    const auto slash = message.name().find('/');
    writer.line("# etag " + message.etag());
    writer.line("kind: " + kind);
    writer.line("name: " + scalar(slash == std::string::npos ? message.name() : message.name().substr(slash + 1)));
    writer.fields(message, 0, {});
    return writer.take();
}

}  // namespace

std::string to_yaml(const pv1::Trunk& trunk) { return resource(trunk, "Trunk"); }
std::string to_yaml(const pv1::Carrier& carrier) { return resource(carrier, "Carrier"); }
std::string to_yaml(const pv1::Route& route) { return resource(route, "Route"); }
std::string to_yaml(const pv1::Customer& customer) { return resource(customer, "Customer"); }

}  // namespace sallyport::cli
