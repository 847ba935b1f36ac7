#include "control/wire/store_codec.h"

#include "control/wire/config_convert.h"

namespace sallyport::wire {
namespace {

template <class Message, class Map>
Result<void, DecodeError> decode_resource(std::string_view key, std::string_view id, const std::string& value,
                                          Map& into) {
    Message message;
    if (!message.ParseFromString(value)) return DecodeError{"the value of " + std::string(key) + " cannot be read"};
    auto converted = from_proto(message);
    if (!converted.errors.empty())
        return DecodeError{"the value of " + std::string(key) + " is not valid: " + converted.errors.front().field +
                           ": " + converted.errors.front().text};
    if (converted.value.id != id) return DecodeError{"the value of " + std::string(key) + " names another resource"};
    into.insert_or_assign(std::string(id), std::move(converted.value));
    return {};
}

}  // namespace

std::string store_key(std::string_view resource) { return std::string(config_prefix) + std::string(resource); }

std::string encode(const config::Trunk& trunk) { return to_proto(trunk, Secrets::included).SerializeAsString(); }
std::string encode(const config::Carrier& carrier) { return to_proto(carrier).SerializeAsString(); }
std::string encode(const config::Route& route) { return to_proto(route).SerializeAsString(); }
std::string encode(const config::Customer& customer) { return to_proto(customer).SerializeAsString(); }

Result<void, DecodeError> decode_into(std::string_view key, const std::string& value, config::Snapshot& snapshot) {
    const auto name = key.substr(std::min(key.size(), config_prefix.size()));
    const auto slash = name.find('/');
    const auto kind = name.substr(0, slash), id = slash == name.npos ? std::string_view{} : name.substr(slash + 1);
    if (key == revision_key) {
        snapshot.revision = revision_of(value);
        return {};
    }
    if (kind == "trunks") return decode_resource<pb::Trunk>(key, id, value, snapshot.trunks);
    if (kind == "carriers") return decode_resource<pb::Carrier>(key, id, value, snapshot.carriers);
    if (kind == "routes") return decode_resource<pb::Route>(key, id, value, snapshot.routes);
    if (kind == "customers") return decode_resource<pb::Customer>(key, id, value, snapshot.customers);
    return DecodeError{"the store holds " + std::string(key) + ", which this version does not know"};
}

}  // namespace sallyport::wire
