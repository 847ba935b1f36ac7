#include "control/cli/provision_yaml.h"

#include <google/protobuf/message.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "control/cli/enum_words.h"

namespace sallyport::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using yaml::Kind;
using yaml::Node;
using yaml::Place;
using yaml::Problems;

// What the server fills in, and what no file should hold.
bool is_output_only(const FieldDescriptor& field) {
    return field.containing_type() == pv1::Credential::descriptor() && field.name() == "algorithms";
}

std::string join(std::string_view path, std::string_view name) {
    return path.empty() ? std::string(name) : std::string(path) + '.' + std::string(name);
}

std::string listed(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

template <class T>
bool read_whole(std::string_view text, T& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

// One resource: a mapping into a message, field by field.
class MessageReader {
public:
    MessageReader(std::string label, Problems& problems, std::map<std::string, Place>& places)
        : label_(std::move(label)), problems_(problems), places_(places) {}

    void read(const Node& node, Message& message, const std::string& path) {
        const auto& descriptor = *message.GetDescriptor();
        for (const auto& entry : node.entries) {
            if (path.empty() && entry.key == "kind") continue;
            const auto field_path = join(path, entry.key);
            const auto* field = descriptor.FindFieldByName(entry.key);
            if (field == nullptr || is_output_only(*field)) {
                unknown(descriptor, entry, field_path);
                continue;
            }
            places_[field_path] = entry.value.kind == Kind::null ? entry.place : entry.value.place;
            if (entry.value.kind != Kind::null) read_field(entry.value, message, *field, field_path);
        }
    }

private:
    void problem(const Node& node, const std::string& path, std::string text) {
        problems_.push_back({node.place, label_ + ": " + path, std::move(text)});
    }

    void unknown(const google::protobuf::Descriptor& descriptor, const yaml::Entry& entry, const std::string& path) {
        std::vector<std::string> known;
        for (int i = 0; i < descriptor.field_count(); ++i)
            if (!is_output_only(*descriptor.field(i))) known.push_back(descriptor.field(i)->name());
        const auto guess = yaml::nearest(entry.key, known);
        problems_.push_back({entry.place, label_ + ": " + path,
                             "there is no such field; " +
                                 (guess ? "did you mean \"" + *guess + "\"?" : "known here: " + listed(known))});
    }

    void read_field(const Node& node, Message& message, const FieldDescriptor& field, const std::string& path) {
        if (!field.is_repeated()) return read_one(node, message, field, path);
        if (node.kind != Kind::sequence)
            return problem(node, path, "expected a list: [first, second], or lines that begin with \"- \"");
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            const auto item_path = path + '[' + std::to_string(i) + ']';
            places_[item_path] = node.items[i].place;
            read_one(node.items[i], message, field, item_path);
        }
    }

    void read_one(const Node& node, Message& message, const FieldDescriptor& field, const std::string& path) {
        const auto& reflection = *message.GetReflection();
        if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
            auto* child = field.is_repeated() ? reflection.AddMessage(&message, &field)
                                              : reflection.MutableMessage(&message, &field);
            return read_message(node, *child, path);
        }
        if (node.kind != Kind::scalar) return problem(node, path, "expected " + expected(field));
        if (!set(node, message, field)) problem(node, path, '"' + node.text + "\" is not " + expected(field));
    }

    void read_message(const Node& node, Message& child, const std::string& path) {
        auto* range = dynamic_cast<pv1::NumberRange*>(&child);
        if (range != nullptr && node.kind == Kind::scalar) {  // "+4930123400..+4930123499", or one number
            const auto dots = node.text.find("..");
            range->set_first(node.text.substr(0, dots));
            if (dots != std::string::npos) range->set_last(node.text.substr(dots + 2));
            places_[path + ".first"] = places_[path + ".last"] = node.place;
            return;
        }
        if (node.kind != Kind::mapping)
            return problem(node, path, "expected fields: " + fields_of(*child.GetDescriptor()));
        read(node, child, path);
    }

    static std::string fields_of(const google::protobuf::Descriptor& descriptor) {
        std::string text;
        for (int i = 0; i < descriptor.field_count(); ++i)
            if (!is_output_only(*descriptor.field(i))) text += (i == 0 ? "" : ", ") + descriptor.field(i)->name();
        return text;
    }

    static std::string expected(const FieldDescriptor& field) {
        switch (field.cpp_type()) {
            case FieldDescriptor::CPPTYPE_BOOL: return "true or false";
            case FieldDescriptor::CPPTYPE_UINT32: return "a whole number, e.g. " + field.name() + ": 10";
            case FieldDescriptor::CPPTYPE_DOUBLE: return "a number, e.g. " + field.name() + ": 2.5";
            case FieldDescriptor::CPPTYPE_ENUM: return "one of " + listed(enum_words(*field.enum_type()));
            default: return "text";
        }
    }

    static bool set(const Node& node, Message& message, const FieldDescriptor& field) {
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
                std::uint32_t value = 0;
                if (!read_whole(node.text, value)) return false;
                field.is_repeated() ? reflection.AddUInt32(&message, &field, value)
                                    : reflection.SetUInt32(&message, &field, value);
                return true;
            }
            case FieldDescriptor::CPPTYPE_DOUBLE: {
                double value = 0;
                if (!read_whole(node.text, value) || !std::isfinite(value)) return false;
                reflection.SetDouble(&message, &field, value);
                return true;
            }
            case FieldDescriptor::CPPTYPE_ENUM: {
                const auto* value = find_enum(*field.enum_type(), node.text);
                if (value == nullptr) return false;
                field.is_repeated() ? reflection.AddEnum(&message, &field, value)
                                    : reflection.SetEnum(&message, &field, value);
                return true;
            }
            default: return false;
        }
    }

    std::string label_;
    Problems& problems_;
    std::map<std::string, Place>& places_;
};

std::string qualified(std::string_view collection, const std::string& name) {
    return name.empty() || name.find('/') != std::string::npos ? name : std::string(collection) + name;
}

class FileReader {
public:
    Result<Provision, Problems> read(const std::vector<Node>& documents) {
        for (const auto& document : documents) take(document);
        if (problems_.empty() && provision_.request.changes_size() == 0)
            problems_.push_back(
                {{}, "", "nothing to apply: expected documents with kind: Trunk, Carrier, Route or Customer"});
        if (!problems_.empty()) return std::move(problems_);
        return std::move(provision_);
    }

private:
    void take(const Node& node) {
        if (node.kind == Kind::null) return;
        if (node.kind == Kind::sequence) {
            for (const auto& item : node.items) take(item);
            return;
        }
        const auto* kind = node.kind == Kind::mapping ? node.find("kind") : nullptr;
        const auto text = kind != nullptr && kind->kind == Kind::scalar ? kind->text : std::string();
        if (text == "Trunk") return trunk(node);
        if (text == "Carrier") return resource(node, "carriers/", *add()->mutable_put_carrier());
        if (text == "Route") return route(node);
        if (text == "Customer") return resource(node, "customers/", *add()->mutable_put_customer());
        problems_.push_back({kind != nullptr ? kind->place : node.place, "kind",
                             (text.empty() ? "is missing" : '"' + text + "\" is not known") +
                                 std::string(": Trunk, Carrier, Route or Customer, e.g. kind: Trunk")});
    }

    pv1::Change* add() {
        provision_.places.emplace_back();
        return provision_.request.add_changes();
    }

    template <class M>
    void resource(const Node& node, std::string_view collection, M& message) {
        auto& places = provision_.places.back();
        places[""] = node.place;
        const auto* name = node.find("name");
        const auto text =
            name != nullptr && name->kind == Kind::scalar ? qualified(collection, name->text) : std::string();
        MessageReader(text.empty() ? std::string(collection) + "?" : text, problems_, places).read(node, message, "");
        if (text.empty()) problems_.push_back({node.place, "name", "is missing, e.g. name: acme-hq"});
        message.set_name(text);
    }

    void trunk(const Node& node) {
        auto& message = *add()->mutable_put_trunk();
        resource(node, "trunks/", message);
        if (!message.customer().empty()) message.set_customer(qualified("customers/", message.customer()));
    }

    void route(const Node& node) {
        auto& message = *add()->mutable_put_route();
        resource(node, "routes/", message);
        for (auto& carrier : *message.mutable_carriers()) carrier = qualified("carriers/", carrier);
        for (auto& choice : *message.mutable_choices()) choice.set_carrier(qualified("carriers/", choice.carrier()));
        for (auto& area : *message.mutable_areas()) {
            for (auto& carrier : *area.mutable_carriers()) carrier = qualified("carriers/", carrier);
            for (auto& choice : *area.mutable_choices()) choice.set_carrier(qualified("carriers/", choice.carrier()));
        }
    }

    Provision provision_;
    Problems problems_;
};

const std::string& name_of(const pv1::Change& change) {
    if (change.has_put_trunk()) return change.put_trunk().name();
    if (change.has_put_carrier()) return change.put_carrier().name();
    if (change.has_put_customer()) return change.put_customer().name();
    return change.put_route().name();
}

}  // namespace

Result<Provision, Problems> parse_provision(std::string_view text) {
    const auto documents = yaml::parse(text);
    if (!documents) return Problems{documents.error()};
    return FileReader().read(*documents);
}

std::optional<Located> locate(const Provision& provision, std::string_view field) {
    constexpr std::string_view opening = "changes[";
    if (!field.starts_with(opening)) return std::nullopt;
    field.remove_prefix(opening.size());
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), index);
    if (error != std::errc{} || index >= provision.places.size()) return std::nullopt;
    field.remove_prefix(static_cast<std::size_t>(end - field.data()));
    const auto dot = field.find('.', 2);  // behind "].put_trunk"
    auto path = dot == field.npos ? std::string() : std::string(field.substr(dot + 1));
    const auto& places = provision.places[index];
    Located located{{}, name_of(provision.request.changes(static_cast<int>(index)))};
    if (!path.empty()) located.field += ": " + path;
    for (;;) {  // the field itself may be missing from the file: then what it would stand in
        if (const auto place = places.find(path); place != places.end()) {
            located.place = place->second;
            return located;
        }
        const auto cut = path.find_last_of(".[");
        path = cut == path.npos ? std::string() : path.substr(0, cut);
    }
}

}  // namespace sallyport::cli
