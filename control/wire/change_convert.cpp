#include "control/wire/change_convert.h"

#include <google/protobuf/util/field_mask_util.h>

#include <set>

namespace sallyport::wire {
namespace {

using google::protobuf::FieldMask;
using google::protobuf::util::FieldMaskUtil;

template <class Message>
void take_put(const Message& message, std::string prefix, ConvertedChange& out) {
    auto converted = from_proto(message);
    if (message.name().empty()) converted.errors.push_back({"name", "is missing, e.g. \"trunks/acme-hq\""});
    for (auto& error : converted.errors) out.violations.push_back({prefix + '.' + error.field, std::move(error.text)});
    out.change.items.emplace_back(std::move(converted.value));
    out.generate.push_back(std::move(converted.generate));
    out.prefixes.push_back(std::move(prefix));
}

// Every top-level field that is set, for an update without a mask (AIP-134).
template <class Message>
FieldMask set_fields(const Message& update) {
    std::vector<const google::protobuf::FieldDescriptor*> fields;
    update.GetReflection()->ListFields(update, &fields);
    FieldMask mask;
    for (const auto* field : fields) mask.add_paths(field->name());
    return mask;
}

template <class Message>
Merged<Message> merge_any(const Message& stored, const Message& update, const FieldMask& mask) {
    Merged<Message> out{stored, {}};
    if (mask.paths_size() == 1 && mask.paths(0) == "*") {
        out.message = update;
        out.message.set_name(stored.name());
        return out;
    }
    for (int i = 0; i < mask.paths_size(); ++i)
        if (!FieldMaskUtil::IsValidPath<Message>(mask.paths(i)))
            out.violations.push_back({"update_mask.paths[" + std::to_string(i) + ']',
                                      '"' + mask.paths(i).substr(0, 80) +
                                          "\" is no field of the resource, e.g. \"limits.concurrent_calls\""});
    if (!out.violations.empty()) return out;
    FieldMaskUtil::MergeOptions options;
    options.set_replace_message_fields(true);
    options.set_replace_repeated_fields(true);
    FieldMaskUtil::MergeMessageTo(update, mask.paths_size() == 0 ? set_fields(update) : mask, options, &out.message);
    out.message.set_name(stored.name());
    return out;
}

std::string_view action_name(config::Action action) {
    switch (action) {
        case config::Action::unchanged: return "unchanged";
        case config::Action::create: return "create";
        case config::Action::update: return "update";
        case config::Action::delete_: return "delete";
    }
    return "unchanged";
}

}  // namespace

ConvertedChange from_proto(const pb::ApplyRequest& request) {
    ConvertedChange out;
    out.change.prune = request.prune();
    for (int i = 0; i < request.changes_size(); ++i) {
        const auto& change = request.changes(i);
        const auto prefix = "changes[" + std::to_string(i) + ']';
        switch (change.change_case()) {
            case pb::Change::kPutTrunk: take_put(change.put_trunk(), prefix + ".put_trunk", out); break;
            case pb::Change::kPutCarrier: take_put(change.put_carrier(), prefix + ".put_carrier", out); break;
            case pb::Change::kPutRoute: take_put(change.put_route(), prefix + ".put_route", out); break;
            case pb::Change::kPutCustomer: take_put(change.put_customer(), prefix + ".put_customer", out); break;
            case pb::Change::kDelete:
                out.change.items.emplace_back(config::Deletion{change.delete_()});
                out.generate.emplace_back();
                out.prefixes.push_back(prefix + ".delete");
                break;
            case pb::Change::CHANGE_NOT_SET:
                out.violations.push_back(
                    {prefix, "is empty: one of put_trunk, put_carrier, put_route, put_customer, delete"});
                break;
        }
    }
    return out;
}

FieldViolations merge(FieldViolations converted, const config::Violations& violations,
                      const std::vector<std::string>& prefixes) {
    std::set<std::string> told;
    for (const auto& violation : converted) told.insert(violation.field);
    for (const auto& violation : violations) {
        std::string field = violation.item < prefixes.size() ? prefixes[violation.item] : std::string();
        if (!violation.field.empty()) field += (field.empty() ? "" : ".") + violation.field;
        if (!told.contains(field)) converted.push_back({std::move(field), violation.text});
    }
    return converted;
}

Merged<pb::Trunk> merge(const pb::Trunk& stored, const pb::Trunk& update, const FieldMask& mask) {
    return merge_any(stored, update, mask);
}
Merged<pb::Carrier> merge(const pb::Carrier& stored, const pb::Carrier& update, const FieldMask& mask) {
    return merge_any(stored, update, mask);
}
Merged<pb::Route> merge(const pb::Route& stored, const pb::Route& update, const FieldMask& mask) {
    return merge_any(stored, update, mask);
}

Merged<pb::Customer> merge(const pb::Customer& stored, const pb::Customer& update, const FieldMask& mask) {
    return merge_any(stored, update, mask);
}

pb::Difference to_proto(const config::Difference& difference) {
    pb::Difference message;
    message.set_name(difference.name);
    message.set_action(std::string(action_name(difference.action)));
    for (const auto& change : difference.fields) {
        message.add_fields(change.field);
        auto& out = *message.add_changes();
        out.set_field(change.field);
        out.set_before(change.before);
        out.set_after(change.after);
    }
    return message;
}

google::rpc::Status bad_request(int code, std::string_view message, const FieldViolations& violations,
                                std::size_t max_bytes) {
    google::rpc::BadRequest details;
    std::size_t left = max_bytes;
    for (std::size_t i = 0; i < violations.size(); ++i) {
        const auto& violation = violations[i];
        const auto size = violation.field.size() + violation.text.size() + 16;
        auto& out = *details.add_field_violations();
        if (size > left) {
            out.set_description("and " + std::to_string(violations.size() - i) + " more");
            break;
        }
        left -= size;
        out.set_field(violation.field);
        out.set_description(violation.text);
    }
    google::rpc::Status status;
    status.set_code(code);
    status.set_message(std::string(message));
    status.add_details()->PackFrom(details);
    return status;
}

}  // namespace sallyport::wire
