#include "control/cli/output.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <cstdio>

namespace sallyport::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return text;
}

std::string number_text(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", value);
    return text;
}

std::string enum_text(const google::protobuf::EnumValueDescriptor& value) {
    const std::string unspecified = value.type()->value(0)->name();
    return lower(value.name().substr(unspecified.rfind('_') + 1));
}

// What YAML would read as something else than text is quoted.
std::string text_value(const std::string& text) {
    const bool plain = !text.empty() && text.find_first_of(":#{}[]&*!|>'\"%@`,\n+") == text.npos && text != "true" &&
                       text != "false" && text != "null" && text.front() != ' ' && text.back() != ' ' &&
                       text.front() != '-' && text.find_first_not_of("0123456789.") != text.npos;
    if (plain) return text;
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + '"';
}

std::string scalar(const Message& message, const FieldDescriptor& field, int index) {
    const auto& r = *message.GetReflection();
    const bool many = field.is_repeated();
    switch (field.cpp_type()) {
        case FieldDescriptor::CPPTYPE_STRING:
            return text_value(many ? r.GetRepeatedString(message, &field, index) : r.GetString(message, &field));
        case FieldDescriptor::CPPTYPE_BOOL: return r.GetBool(message, &field) ? "true" : "false";
        case FieldDescriptor::CPPTYPE_UINT32:
            return std::to_string(many ? r.GetRepeatedUInt32(message, &field, index) : r.GetUInt32(message, &field));
        case FieldDescriptor::CPPTYPE_UINT64: return std::to_string(r.GetUInt64(message, &field));
        case FieldDescriptor::CPPTYPE_DOUBLE: return number_text(r.GetDouble(message, &field));
        case FieldDescriptor::CPPTYPE_ENUM:
            return enum_text(*(many ? r.GetRepeatedEnum(message, &field, index) : r.GetEnum(message, &field)));
        default: return {};
    }
}

void write(const Message& message, const std::string& indent, std::string& out);

void write_list(const Message& message, const FieldDescriptor& field, const std::string& indent, std::string& out) {
    const auto& r = *message.GetReflection();
    const int size = r.FieldSize(message, &field);
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
        out += indent + field.name() + ": [";
        for (int i = 0; i < size; ++i) out += (i ? ", " : "") + scalar(message, field, i);
        out += "]\n";
        return;
    }
    out += indent + field.name() + ":\n";
    for (int i = 0; i < size; ++i) {
        std::string item;
        write(r.GetRepeatedMessage(message, &field, i), indent + "    ", item);
        if (item.empty()) item = indent + "    {}\n";
        item[indent.size() + 2] = '-';
        out += item;
    }
}

void write(const Message& message, const std::string& indent, std::string& out) {
    const auto& r = *message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    r.ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
        if (field->is_repeated()) {
            write_list(message, *field, indent, out);
        } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
            out += indent + field->name() + ":\n";
            write(r.GetMessage(message, field), indent + "  ", out);
        } else {
            out += indent + field->name() + ": " + scalar(message, *field, 0) + '\n';
        }
    }
}

}  // namespace

std::string to_json(const Message& message) {
    google::protobuf::util::JsonPrintOptions options;
    options.add_whitespace = true;
    options.always_print_primitive_fields = true;
    options.preserve_proto_field_names = true;
    std::string text;
    [[maybe_unused]] const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
    return text;
}

std::string to_yaml(const Message& message) {
    std::string out;
    write(message, "", out);
    return out;
}

std::string duration_text(double seconds) {
    const auto s = static_cast<long long>(seconds);
    if (s >= 86'400) return std::to_string(s / 86'400) + "d " + std::to_string(s % 86'400 / 3'600) + "h";
    if (s >= 3'600) return std::to_string(s / 3'600) + "h " + std::to_string(s % 3'600 / 60) + "m";
    if (s >= 60) return std::to_string(s / 60) + "m " + std::to_string(s % 60) + "s";
    return std::to_string(s) + "s";
}

}  // namespace sallyport::cli
