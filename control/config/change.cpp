#include "control/config/change.h"

#include <algorithm>
#include <map>
#include <set>

#include "control/config/conflicts.h"
#include "control/config/keys.h"
#include "control/config/limits.h"
#include "control/config/rules.h"
#include "control/config/syntax.h"
#include "control/config/validate.h"

namespace sallyport::config {
namespace {

template <class T>
const T* find(const std::map<std::string, T, std::less<>>& resources, std::string_view id) {
    const auto found = resources.find(id);
    return found == resources.end() ? nullptr : &found->second;
}

std::string_view id_of(std::string_view name) {
    const auto slash = name.find('/');
    return slash == name.npos ? std::string_view{} : name.substr(slash + 1);
}

class Builder {
public:
    Builder(const Snapshot& base, const Change& change) : base_(base), change_(change), next_(base) {
        next_.revision = base.revision + 1;
    }

    Result<Outcome, Violations> run() {
        if (change_.items.size() > limits::changes)
            return Violations{{0, "", rules::too_many(change_.items.size(), limits::changes) + " in one request"}};
        for (std::size_t i = 0; i < change_.items.size(); ++i) take(i);
        if (change_.prune) prune();
        check_conflicts();
        if (!violations_.empty()) return std::move(violations_);
        Outcome outcome{std::move(next_), std::move(differences_)};
        if (!outcome.changed()) outcome.snapshot.revision = base_.revision;
        outcome.snapshot.build_indexes();
        return outcome;
    }

private:
    void violate(std::size_t item, std::string field, std::string text) {
        if (violations_.size() < limits::violations) violations_.push_back({item, std::move(field), std::move(text)});
    }

    void take(std::size_t index) {
        const auto& item = change_.items[index];
        const auto name = name_of(item);
        const auto [entry, fresh] = item_of_.try_emplace(name, index);
        if (!fresh) {
            violate(index, std::holds_alternative<Deletion>(item) ? "" : "name",
                    quoted(name) + " is named twice in this request");
            return;
        }
        std::visit([&](const auto& value) { put(index, value); }, item);
    }

    void put(std::size_t index, Trunk trunk) {
        const auto* stored = find(base_.trunks, trunk.id);
        if (stored != nullptr) keep_secrets(index, *stored, trunk);
        store(index, stored, std::move(trunk), next_.trunks);
    }
    void put(std::size_t index, Carrier carrier) {
        const auto* stored = find(base_.carriers, carrier.id);
        store(index, stored, std::move(carrier), next_.carriers);
    }
    void put(std::size_t index, Route route) {
        const auto* stored = find(base_.routes, route.id);
        store(index, stored, std::move(route), next_.routes);
    }
    void put(std::size_t index, Customer customer) {
        const auto* stored = find(base_.customers, customer.id);
        store(index, stored, std::move(customer), next_.customers);
    }
    void put(std::size_t index, const Deletion& deletion) {
        if (!remove(deletion.name)) violate(index, "", quoted(deletion.name) + " does not exist");
    }

    template <class T>
    void store(std::size_t index, const T* stored, T fresh, std::map<std::string, T, std::less<>>& into) {
        for (auto& error : validate(fresh)) violate(index, std::move(error.field), std::move(error.text));
        auto difference = config::difference(stored, &fresh);
        fresh.revision =
            stored != nullptr && difference.action == Action::unchanged ? stored->revision : next_.revision;
        differences_.push_back(std::move(difference));
        into.insert_or_assign(fresh.id, std::move(fresh));
    }

    // An operator who changes a limit does not have the password at hand: what is stored stays. What cannot stay is a
    // hash made for another realm.
    void keep_secrets(std::size_t index, const Trunk& stored, Trunk& fresh) {
        for (std::size_t i = 0; i < fresh.credentials.size(); ++i) {
            auto& credential = fresh.credentials[i];
            const auto realm = effective_realm(fresh, credential);
            for (const auto& old : stored.credentials) {
                if (old.username != credential.username) continue;
                const bool same_realm = effective_realm(stored, old) == realm;
                const bool none = credential.ha1_md5.empty() && credential.ha1_sha256.empty();
                if (same_realm && none) {
                    credential.ha1_md5 = old.ha1_md5;
                    credential.ha1_sha256 = old.ha1_sha256;
                } else if (!same_realm && !none && credential.ha1_md5 == old.ha1_md5 &&
                           credential.ha1_sha256 == old.ha1_sha256) {
                    violate(index, rules::at("credentials", i) + ".password",
                            "must be given again: its hash was made for the realm " +
                                quoted(effective_realm(stored, old)) + ", not " + quoted(realm));
                }
            }
        }
    }

    bool remove(const std::string& name) {
        const auto id = id_of(name);
        if (name.starts_with("trunks/")) return erase(base_.trunks, next_.trunks, id);
        if (name.starts_with("carriers/")) return erase(base_.carriers, next_.carriers, id);
        if (name.starts_with("routes/")) return erase(base_.routes, next_.routes, id);
        if (name.starts_with("customers/")) return erase(base_.customers, next_.customers, id);
        return false;
    }

    template <class T>
    bool erase(const std::map<std::string, T, std::less<>>& from, std::map<std::string, T, std::less<>>& into,
               std::string_view id) {
        const auto* stored = find(from, id);
        if (stored == nullptr) return false;
        differences_.push_back(difference(stored, static_cast<const T*>(nullptr)));
        into.erase(stored->id);
        return true;
    }

    void prune() {
        std::vector<std::string> names;
        for (const auto& [id, unused] : base_.trunks) names.push_back("trunks/" + id);
        for (const auto& [id, unused] : base_.carriers) names.push_back("carriers/" + id);
        for (const auto& [id, unused] : base_.routes) names.push_back("routes/" + id);
        for (const auto& [id, unused] : base_.customers) names.push_back("customers/" + id);
        for (const auto& name : names)
            if (!item_of_.contains(name)) remove(name);
    }

    void check_conflicts() {
        std::set<std::string> changed;
        for (const auto& difference : differences_)
            if (difference.action != Action::unchanged) changed.insert(difference.name);
        for (auto& conflict : find_conflicts(base_, next_, changed)) {
            const auto item = item_of_.find(conflict.resource);
            violate(item == item_of_.end() ? 0 : item->second, std::move(conflict.field), std::move(conflict.text));
        }
    }

    const Snapshot& base_;
    const Change& change_;
    Snapshot next_;
    std::vector<Difference> differences_;
    std::map<std::string, std::size_t> item_of_;
    Violations violations_;
};

}  // namespace

bool Outcome::changed() const {
    return std::any_of(differences.begin(), differences.end(),
                       [](const Difference& d) { return d.action != Action::unchanged; });
}

std::string name_of(const ChangeItem& item) {
    struct Namer {
        std::string operator()(const Trunk& t) const { return "trunks/" + t.id; }
        std::string operator()(const Carrier& c) const { return "carriers/" + c.id; }
        std::string operator()(const Route& r) const { return "routes/" + r.id; }
        std::string operator()(const Customer& c) const { return "customers/" + c.id; }
        std::string operator()(const Deletion& d) const { return d.name; }
    };
    return std::visit(Namer{}, item);
}

Result<Outcome, Violations> apply(const Snapshot& base, const Change& change) { return Builder(base, change).run(); }

}  // namespace sallyport::config
