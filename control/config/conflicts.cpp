#include "control/config/conflicts.h"

#include <optional>
#include <unordered_map>

#include "control/config/claims.h"
#include "control/config/keys.h"
#include "control/config/limits.h"
#include "control/config/rules.h"
#include "control/config/syntax.h"

namespace sallyport::config {
namespace {

using rules::at;

std::string range_text(const NumberRange& range) {
    return range.first == range.last ? range.first : range.first + ".." + range.last;
}

// Shorter numbers first, then by digits: within one length the order of strings is the order of numbers.
std::string range_key(const std::string& number) { return static_cast<char>(number.size()) + number; }

std::string address_key(const std::string& realm, const IpAddress& address) {
    std::string key = realm + '\0' + (address.family == Family::v4 ? '4' : '6');
    key.append(reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size());
    return key;
}

IpAddress last_address(const AddressBlock& block) {
    auto last = block.network().address;
    const std::size_t bits = block.address.family == Family::v4 ? 32 : 128;
    for (std::size_t bit = block.prefix_length; bit < bits; ++bit)
        last.bytes[bit / 8] |= static_cast<std::uint8_t>(0x80 >> bit % 8);
    return last;
}

constexpr std::string_view target_field = ".host";

std::optional<AddressBlock> target_block(const Target& target) {
    const auto address = IpAddress::parse(target.host);
    if (!address) return std::nullopt;
    return AddressBlock{*address, static_cast<std::uint8_t>(address->family == Family::v4 ? 32 : 128)};
}

// A carrier may have several targets at one address, and list as a source what is a target already.
bool is_one_carriers_own(const Claim& a, const Claim& b) {
    return a.resource == b.resource && (a.field.ends_with(target_field) || b.field.ends_with(target_field));
}

// Where the numbers lead that call for help: to an enabled carrier of a route that names them, or takes any number.
class Services {
public:
    explicit Services(const Snapshot& config) {
        const auto enabled = [&](const std::string& id) {
            const auto carrier = config.carriers.find(id);
            return carrier != config.carriers.end() && !carrier->second.disabled;
        };
        for (const auto& [id, route] : config.routes) {
            const bool leads_somewhere =
                std::any_of(route.carriers.begin(), route.carriers.end(), enabled) ||
                std::any_of(route.choices.begin(), route.choices.end(),
                            [&](const RouteChoice& choice) { return enabled(choice.carrier); });
            if (route.disabled || !leads_somewhere) continue;
            any_ = any_ || route.is_catch_all();
            numbers_.insert(route.service_numbers.begin(), route.service_numbers.end());
        }
    }
    bool leads(std::string_view number) const { return any_ || numbers_.contains(number); }

private:
    bool any_ = false;
    std::set<std::string_view> numbers_;
};

constexpr std::string_view needed_for_help =
    "; needed is a route with an enabled carrier and it in service_numbers, or one with the prefix \"\"";

class Finder {
public:
    Finder(const Snapshot& base, const Snapshot& candidate, const std::set<std::string>& changed)
        : base_(base), candidate_(candidate), changed_(changed) {}

    std::vector<Conflict> run() {
        each_trunk([this](bool is_changed, const std::string& name, const Trunk& trunk) {
            if (is_changed) claim(name, trunk);
        });
        each_carrier([this](bool is_changed, const std::string& name, const Carrier& carrier) {
            if (!is_changed) return;
            claim_sources(name, carrier.realm, carrier.sources);
            claim_targets(name, carrier);
        });
        for (const auto& [earlier, later] : numbers_.settle()) blame(later->claim, earlier->claim, "overlaps");
        for (const auto& [earlier, later] : sources_.settle())
            if (!is_one_carriers_own(earlier->claim, later->claim)) blame(later->claim, earlier->claim, "overlaps");
        each_trunk([this](bool is_changed, const std::string& name, const Trunk& trunk) {
            if (!is_changed) compare(name, trunk);
        });
        each_carrier([this](bool is_changed, const std::string& name, const Carrier& carrier) {
            if (is_changed) return;
            compare_sources(name, carrier.realm, carrier.sources);
            for (const auto& target : carrier.targets)
                if (const auto block = target_block(target)) compare_sources(name, carrier.realm, {*block});
        });
        routes();
        overflows();
        customers();
        emergencies();
        sizes();
        return std::move(conflicts_);
    }

private:
    template <class F>
    void each_trunk(F&& f) {
        for (const auto& [id, trunk] : candidate_.trunks) {
            const auto name = "trunks/" + id;
            f(changed_.contains(name), name, trunk);
        }
    }
    template <class F>
    void each_carrier(F&& f) {
        for (const auto& [id, carrier] : candidate_.carriers) {
            const auto name = "carriers/" + id;
            f(changed_.contains(name), name, carrier);
        }
    }

    void blame(const Claim& blamed, const Claim& other, std::string_view how) {
        const auto where = blamed.resource == other.resource ? "in this one" : "of " + other.resource;
        conflicts_.push_back({blamed.resource, blamed.field,
                              quoted(blamed.shown) + ' ' + std::string(how) + ' ' + quoted(other.shown) + ' ' + where});
    }

    static std::string aor_of(const Trunk& trunk) {
        return trunk.aor_user().empty() ? std::string() : aor_key(trunk.aor_user(), trunk.aor_domain());
    }

    void claim(const std::string& name, const Trunk& trunk) {
        for (std::size_t i = 0; i < trunk.numbers.size(); ++i) {
            const auto& range = trunk.numbers[i];
            if (is_e164(range.first) && range.first.size() == range.last.size() && range.first <= range.last)
                numbers_.add(
                    {range_key(range.first), range_key(range.last), {name, at("numbers", i), range_text(range)}});
        }
        if (const auto key = aor_of(trunk); !key.empty()) {
            const Claim mine{name, "registration_aor", trunk.registration_aor};
            if (const auto* other = aors_.add(key, mine)) blame(mine, *other, "is the same as");
        }
        for (std::size_t i = 0; i < trunk.credentials.size(); ++i) {
            const auto& credential = trunk.credentials[i];
            const Claim mine{name, at("credentials", i) + ".username", credential.username};
            const auto key = credential_key(credential.username, effective_realm(trunk, credential));
            if (const auto* other = credentials_.add(key, mine)) blame(mine, *other, "has the same realm as");
        }
        claim_sources(name, trunk.realm, trunk.sources);
    }

    void claim_sources(const std::string& name, const std::string& realm, const std::vector<AddressBlock>& sources) {
        for (std::size_t i = 0; i < sources.size(); ++i)
            if (!sources[i].address.empty())
                sources_.add({address_key(realm, sources[i].network().address),
                              address_key(realm, last_address(sources[i])),
                              {name, at("sources", i), sources[i].to_string()}});
    }

    // Its targets call us from where we call them, so that an address in them is a source of the carrier's too.
    void claim_targets(const std::string& name, const Carrier& carrier) {
        for (std::size_t i = 0; i < carrier.targets.size(); ++i) {
            const auto block = target_block(carrier.targets[i]);
            if (!block) continue;
            const auto key = address_key(carrier.realm, block->address);
            sources_.add({key, key, {name, at("targets", i) + std::string(target_field), block->to_string()}});
        }
    }

    void compare(const std::string& name, const Trunk& trunk) {
        if (!numbers_.empty())
            for (const auto& range : trunk.numbers)
                for (const auto* mine : numbers_.meeting(range_key(range.first), range_key(range.last)))
                    blame(mine->claim, {name, "", range_text(range)}, "overlaps");
        if (const auto* mine = aors_.find(aor_of(trunk)))
            blame(*mine, {name, "", trunk.registration_aor}, "is the same as");
        for (const auto& credential : trunk.credentials)
            if (const auto* mine =
                    credentials_.find(credential_key(credential.username, effective_realm(trunk, credential))))
                blame(*mine, {name, "", credential.username}, "has the same realm as");
        compare_sources(name, trunk.realm, trunk.sources);
    }

    void compare_sources(const std::string& name, const std::string& realm, const std::vector<AddressBlock>& sources) {
        if (sources_.empty()) return;
        for (const auto& block : sources)
            for (const auto* mine :
                 sources_.meeting(address_key(realm, block.network().address), address_key(realm, last_address(block))))
                blame(mine->claim, {name, "", block.to_string()}, "overlaps");
    }

    struct RoutePlace {
        const std::string* id;
        std::string field;
    };
    // f(key, text, field) for what the route claims; a prefix and a service number never are the same key: one has "+".
    template <class F>
    static void each_prefix(const Route& route, F&& f) {
        const auto claim = [&](const std::string& text, auto&& field) {
            if (const auto key = number_key(text)) f(*key, text, field);
        };
        if (!route.prefix.empty() || route.is_catch_all()) claim(route.prefix, [] { return std::string("prefix"); });
        for (std::size_t i = 0; i < route.prefixes.size(); ++i)
            claim(route.prefixes[i], [i] { return at("prefixes", i); });
        for (std::size_t i = 0; i < route.service_numbers.size(); ++i)
            claim(route.service_numbers[i], [i] { return at("service_numbers", i); });
    }

    void overflows() {
        for (const auto& [id, trunk] : candidate_.trunks) {
            const auto& other = trunk.overflow.trunk;
            if (other.empty() || candidate_.trunks.contains(other)) continue;
            const auto name = "trunks/" + id, missing = "trunks/" + other;
            if (changed_.contains(name))
                conflicts_.push_back({name, "overflow.trunk",
                                      quoted(missing) + " does not exist; create it first, or in the same request"});
            else
                conflicts_.push_back(
                    {missing, "", quoted(missing) + " takes the overflow of " + name + "; change that first"});
        }
    }

    void customers() {
        for (const auto& [id, trunk] : candidate_.trunks) {
            if (trunk.customer.empty() || candidate_.customers.contains(trunk.customer)) continue;
            const auto name = "trunks/" + id, missing = "customers/" + trunk.customer;
            if (changed_.contains(name))
                conflicts_.push_back(
                    {name, "customer", quoted(missing) + " does not exist; create it first, or in the same request"});
            else
                conflicts_.push_back({missing, "", quoted(missing) + " has " + name + "; change or delete that first"});
        }
    }

    void routes() {
        std::unordered_map<NumberKey, RoutePlace> changed;
        std::size_t prefixes = 0;
        for (const auto& [id, route] : candidate_.routes) {
            prefixes += route.prefixes.size();
            if (route.disabled || !changed_.contains("routes/" + id)) continue;
            each_prefix(route, [&, &id = id](NumberKey key, const std::string& text, auto&& field) {
                const auto [entry, fresh] = changed.try_emplace(key, RoutePlace{&id, {}});
                if (fresh)
                    entry->second.field = field();
                else
                    same_prefix(id, field(), text, *entry->second.id);
            });
        }
        if (!changed.empty())  // those of other routes: the changed one is to blame
            for (const auto& [id, route] : candidate_.routes) {
                if (route.disabled || changed_.contains("routes/" + id)) continue;
                each_prefix(route, [&, &id = id](NumberKey key, const std::string& text, auto&&) {
                    const auto mine = changed.find(key);
                    if (mine != changed.end()) same_prefix(*mine->second.id, mine->second.field, text, id);
                });
            }
        for (const auto& [id, route] : candidate_.routes) {
            for (std::size_t i = 0; i < route.carriers.size(); ++i)
                need_carrier("routes/" + id, at("carriers", i), route.carriers[i]);
            for (std::size_t i = 0; i < route.choices.size(); ++i)
                need_carrier("routes/" + id, at("choices", i) + ".carrier", route.choices[i].carrier);
            for (std::size_t i = 0; i < route.areas.size(); ++i)
                need_carriers_of_area("routes/" + id, i, route.areas[i]);
        }
        if (prefixes > limits::prefixes && !changed_.empty())
            conflicts_.push_back({*changed_.begin(), "prefixes", rules::too_many(prefixes, limits::prefixes)});
    }

    // A trunk's emergency numbers go somewhere, and nobody changes what makes it so.
    void emergencies() {
        const Services now(candidate_), before(base_);
        std::set<std::string_view> told;  // a gap that was there is no fault of what changes beside it
        each_trunk([&](bool is_changed, const std::string& name, const Trunk& trunk) {
            const auto& numbers = trunk.numbering.dial_plan.emergency_numbers;
            for (std::size_t i = 0; i < numbers.size(); ++i) {
                if (now.leads(numbers[i])) continue;
                if (is_changed && !was_so(name, numbers[i], before))
                    conflicts_.push_back({name, at("numbering.dial_plan.emergency_numbers", i),
                                          quoted(numbers[i]) + " is an emergency number that leads nowhere" +
                                              std::string(needed_for_help)});
                else if (!is_changed && before.leads(numbers[i]) && told.insert(numbers[i]).second)
                    cut_off(numbers[i], name);
            }
        });
    }

    bool was_so(const std::string& trunk, const std::string& number, const Services& before) const {
        const auto stored = base_.trunks.find(trunk.substr(trunk.find('/') + 1));
        if (stored == base_.trunks.end() || before.leads(number)) return false;
        const auto& numbers = stored->second.numbering.dial_plan.emergency_numbers;
        return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
    }

    void cut_off(const std::string& number, const std::string& trunk) {
        const auto guilty = std::find_if(changed_.begin(), changed_.end(),
                                         [](const std::string& name) { return !name.starts_with("trunks/"); });
        if (guilty != changed_.end())
            conflicts_.push_back({*guilty, "",
                                  "emergency number " + quoted(number) + " of " + trunk + " would lead nowhere" +
                                      std::string(needed_for_help)});
    }

    void same_prefix(const std::string& blamed, const std::string& field, const std::string& text,
                     const std::string& other) {
        const std::string_view what =
            field.starts_with("service") ? " is a service number of routes/" : " is the prefix of routes/";
        conflicts_.push_back({"routes/" + blamed, field,
                              quoted(text) + std::string(what) + other + " already; one of them must be disabled"});
    }

    void need_carriers_of_area(const std::string& route, std::size_t index, const EmergencyArea& area) {
        const auto field = at("areas", index);
        for (std::size_t i = 0; i < area.carriers.size(); ++i)
            need_carrier(route, at(field + ".carriers", i), area.carriers[i]);
        for (std::size_t i = 0; i < area.choices.size(); ++i)
            need_carrier(route, at(field + ".choices", i) + ".carrier", area.choices[i].carrier);
    }

    void need_carrier(const std::string& route, const std::string& field, const std::string& id) {
        if (candidate_.carriers.contains(id)) return;
        const auto carrier = "carriers/" + id;
        if (changed_.contains(route))
            conflicts_.push_back(
                {route, field, quoted(carrier) + " does not exist; create it first, or in the same request"});
        else
            conflicts_.push_back(
                {carrier, "", quoted(carrier) + " is used by " + route + "; change or delete that first"});
    }

    void sizes() {
        const auto check = [this](std::size_t size, std::size_t limit) {
            if (size > limit && !changed_.empty())
                conflicts_.push_back({*changed_.begin(), "", rules::too_many(size, limit)});
        };
        check(candidate_.trunks.size(), limits::trunks);
        check(candidate_.carriers.size(), limits::carriers);
        check(candidate_.routes.size(), limits::routes);
        check(candidate_.customers.size(), limits::customers);
    }

    const Snapshot& base_;
    const Snapshot& candidate_;
    const std::set<std::string>& changed_;
    std::vector<Conflict> conflicts_;
    IntervalClaims numbers_, sources_;
    KeyClaims aors_, credentials_;
};

}  // namespace

std::vector<Conflict> find_conflicts(const Snapshot& base, const Snapshot& candidate,
                                     const std::set<std::string>& changed) {
    return Finder(base, candidate, changed).run();
}

}  // namespace sallyport::config
