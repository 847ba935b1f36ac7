#include "control/cli/document.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <charconv>

namespace sallyport::cli {
namespace {

namespace pb = sallyport::provisioning::v1;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Output only: a file that was made from `sallyport get --json` may carry them, and they mean nothing on the way in.
bool is_output_only(const FieldDescriptor& field) {
    return field.name() == "etag" || field.full_name() == "sallyport.provisioning.v1.Credential.algorithms";
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    return text;
}

// "TRUNK_MODE_REGISTRATION" of TrunkMode is written "registration".
std::string short_name(const EnumDescriptor& type, const EnumValueDescriptor& value) {
    const std::string unspecified = type.value(0)->name();
    const std::string prefix = unspecified.substr(0, unspecified.rfind('_') + 1);
    return lower(value.name().substr(prefix.size()));
}

template <class T>
std::optional<T> whole_number(const std::string& text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

class Reader {
public:
    explicit Reader(Document& document) : document_(document) {}

    // `path`: the API's ("changes[0].put_trunk"); `shown`: what a person reads ("numbers[1]").
    void read(const yaml::Node& node, Message& message, const std::string& path, const std::string& shown) {
        document_.places.emplace(path, node.place);
        if (node.kind == yaml::Kind::null) return;
        if (node.kind != yaml::Kind::mapping)
            return wrong(node.place, shown, "expected fields of the form \"name: value\"");
        for (const auto& entry : node.entries) {
            if (shown.empty() && entry.key == "kind") continue;
            const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(entry.key);
            const std::string name = shown.empty() ? entry.key : shown + '.' + entry.key;
            if (field == nullptr) {
                unknown(entry, *message.GetDescriptor(), name);
                continue;
            }
            document_.places.emplace(path + '.' + entry.key, entry.place);
            if (!is_output_only(*field)) read_field(entry.value, message, *field, path + '.' + entry.key, name);
        }
    }

private:
    void wrong(const yaml::Place& place, const std::string& field, std::string text) {
        document_.problems.push_back({place, field, std::move(text)});
    }
    void unknown(const yaml::Entry& entry, const google::protobuf::Descriptor& type, const std::string& name) {
        std::vector<std::string> names;
        for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
        const auto meant = yaml::nearest(entry.key, names);
        wrong(entry.place, name,
              "no such field" + (meant ? "; did you mean '" + *meant + "'?" : "; there are " + joined(names)));
    }
    void read_field(const yaml::Node& node, Message& message, const FieldDescriptor& field, const std::string& path,
                    const std::string& shown) {
        if (node.kind == yaml::Kind::null) return;
        if (!field.is_repeated()) return read_value(node, message, field, path, shown);
        if (node.kind != yaml::Kind::sequence) return wrong(node.place, shown, "expected a list, e.g. [..., ...]");
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            const std::string index = '[' + std::to_string(i) + ']';
            read_value(node.items[i], message, field, path + index, shown + index);
        }
    }
    void read_value(const yaml::Node& node, Message& message, const FieldDescriptor& field, const std::string& path,
                    const std::string& shown) {
        const auto& reflection = *message.GetReflection();
        document_.places.emplace(path, node.place);
        if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
            Message* child = field.is_repeated() ? reflection.AddMessage(&message, &field)
                                                 : reflection.MutableMessage(&message, &field);
            return read(node, *child, path, shown);
        }
        if (node.kind != yaml::Kind::scalar) return wrong(node.place, shown, "expected one value");
        if (!set_scalar(node, message, field)) wrong(node.place, shown, expectation(node, field));
    }
    static bool set_scalar(const yaml::Node& node, Message& message, const FieldDescriptor& field);
    static std::string expectation(const yaml::Node& node, const FieldDescriptor& field);

    Document& document_;
};

bool Reader::set_scalar(const yaml::Node& node, Message& message, const FieldDescriptor& field) {
    const auto& reflection = *message.GetReflection();
    switch (field.cpp_type()) {
        case FieldDescriptor::CPPTYPE_STRING:
            field.is_repeated() ? reflection.AddString(&message, &field, node.text)
                                : reflection.SetString(&message, &field, node.text);
            return true;
        case FieldDescriptor::CPPTYPE_BOOL: {
            const auto value = yaml::parse_boolean(node);
            if (value) reflection.SetBool(&message, &field, *value);
            return value.has_value();
        }
        case FieldDescriptor::CPPTYPE_UINT32: {
            const auto value = whole_number<std::uint32_t>(node.text);
            if (!value) return false;
            field.is_repeated() ? reflection.AddUInt32(&message, &field, *value)
                                : reflection.SetUInt32(&message, &field, *value);
            return true;
        }
        case FieldDescriptor::CPPTYPE_DOUBLE: {
            const auto value = whole_number<double>(node.text);
            if (value) reflection.SetDouble(&message, &field, *value);
            return value.has_value();
        }
        case FieldDescriptor::CPPTYPE_ENUM: {
            const EnumDescriptor& type = *field.enum_type();
            for (int i = 1; i < type.value_count(); ++i) {
                if (short_name(type, *type.value(i)) != lower(node.text) && type.value(i)->name() != node.text)
                    continue;
                field.is_repeated() ? reflection.AddEnum(&message, &field, type.value(i))
                                    : reflection.SetEnum(&message, &field, type.value(i));
                return true;
            }
            return false;
        }
        default: return false;  // no other type is used in resources
    }
}

std::string Reader::expectation(const yaml::Node& node, const FieldDescriptor& field) {
    const std::string given = "'" + node.text.substr(0, 40) + "' is ";
    switch (field.cpp_type()) {
        case FieldDescriptor::CPPTYPE_BOOL: return given + "neither true nor false";
        case FieldDescriptor::CPPTYPE_UINT32: return given + "no whole number from 0 to 4294967295; example: 30";
        case FieldDescriptor::CPPTYPE_DOUBLE: return given + "no number; example: 2.5";
        case FieldDescriptor::CPPTYPE_ENUM: {
            std::vector<std::string> names;
            for (int i = 1; i < field.enum_type()->value_count(); ++i)
                names.push_back(short_name(*field.enum_type(), *field.enum_type()->value(i)));
            return given + "none of " + joined(names);
        }
        default: return given + "not possible here";
    }
}

Message* change_of_kind(pb::Change& change, std::string_view kind) {
    if (kind == "Trunk") return change.mutable_put_trunk();
    if (kind == "Carrier") return change.mutable_put_carrier();
    if (kind == "Route") return change.mutable_put_route();
    return nullptr;
}

struct Kind {
    const char* field;       // of Change
    const char* collection;  // of names
};
Kind facts_of(std::string_view kind) {
    if (kind == "Trunk") return {".put_trunk", "trunks/"};
    if (kind == "Carrier") return {".put_carrier", "carriers/"};
    return {".put_route", "routes/"};
}

void read_resource(const yaml::Node& node, Document& document) {
    if (node.kind == yaml::Kind::null) return;
    const yaml::Node* kind = node.find("kind");
    if (kind == nullptr || kind->kind != yaml::Kind::scalar) {
        document.problems.push_back({node.place, "kind", "missing; one of Trunk, Carrier, Route"});
        return;
    }
    const std::string path = "changes[" + std::to_string(document.request.changes_size()) + ']';
    pb::Change change;
    Message* message = change_of_kind(change, kind->text);
    if (message == nullptr) {
        document.problems.push_back({kind->place, "kind", "'" + kind->text + "' is none of Trunk, Carrier, Route"});
        return;
    }
    const Kind facts = facts_of(kind->text);
    Reader(document).read(node, *message, path + facts.field, "");
    const FieldDescriptor* name_field = message->GetDescriptor()->FindFieldByName("name");
    const std::string name = message->GetReflection()->GetString(*message, name_field);
    if (name.empty())
        document.problems.push_back({node.place, "name", "missing; example: acme-hq"});
    else if (name.find('/') == name.npos)
        message->GetReflection()->SetString(message, name_field, facts.collection + name);
    *document.request.add_changes() = std::move(change);
}

}  // namespace

Document read_document(std::string_view text) {
    Document document;
    const auto parsed = yaml::parse(text);
    if (!parsed) {
        document.problems.push_back(parsed.error());
        return document;
    }
    for (const auto& node : *parsed) {
        if (node.kind == yaml::Kind::sequence)
            for (const auto& item : node.items) read_resource(item, document);
        else
            read_resource(node, document);
    }
    if (document.request.changes().empty() && document.problems.empty())
        document.problems.push_back({{}, "", "nothing in it; expected resources of kind Trunk, Carrier or Route"});
    return document;
}

std::string located(const Document& document, const FieldProblem& problem, std::string_view file) {
    std::string_view path = problem.field;
    auto place = document.places.find(path);
    while (place == document.places.end() && !path.empty()) {
        const auto cut = path.find_last_of(".[");
        path = cut == path.npos ? std::string_view{} : path.substr(0, cut);
        place = document.places.find(path);
    }
    if (place == document.places.end())
        return std::string(file) + ": " + (problem.field.empty() ? "" : problem.field + ": ") + problem.text;
    std::string_view shown = problem.field;  // without "changes[0].put_trunk."
    for (int i = 0; i < 2 && shown.starts_with(i == 0 ? "changes[" : "put_"); ++i) {
        const auto dot = shown.find('.');
        shown = dot == shown.npos ? std::string_view{} : shown.substr(dot + 1);
    }
    return yaml::to_string({place->second, std::string(shown), problem.text}, file);
}

}  // namespace sallyport::cli
