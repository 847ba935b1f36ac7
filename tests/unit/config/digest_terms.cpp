// By what somebody is challenged whom nobody knows.
#include "control/config/digest_terms.h"

#include <catch2/catch.hpp>

#include "sample.h"

using namespace sallyport;
using namespace sallyport::config;

namespace {

constexpr std::uint64_t lots = 4'096;
std::uint64_t lot(std::uint64_t i) { return i * (~0ull / lots); }

DigestTerms terms(std::string realm) { return {std::move(realm), {DigestAlgorithm::md5}}; }

std::map<DigestTerms, std::uint64_t> outcomes(const DigestTermsByLot& table) {
    std::map<DigestTerms, std::uint64_t> seen;
    for (std::uint64_t i = 0; i < lots; ++i) ++seen[table.drawn(lot(i))];
    return seen;
}

Trunk with_algorithms(std::string id, std::vector<DigestAlgorithm> algorithms) {
    auto trunk = sample_trunk(id, "+49301" + std::to_string(id.size()), "+49301" + std::to_string(id.size()));
    trunk.authentication.algorithms = std::move(algorithms);
    return trunk;
}

}  // namespace

TEST_CASE("whoever is unknown is challenged by the terms of a trunk, each as often as trunks have it") {
    const DigestTermsByLot table({{terms("a"), 1}, {terms("b"), 2}, {terms("c"), 1}});
    const auto seen = outcomes(table);
    REQUIRE(seen.size() == 3);
    CHECK(seen.at(terms("a")) == Approx(lots / 4).margin(2));
    CHECK(seen.at(terms("b")) == Approx(lots / 2).margin(2));
    CHECK(seen.at(terms("c")) == Approx(lots / 4).margin(2));
    CHECK(table.commonest() == terms("b"));
    CHECK(table.drawn(0) == terms("a"));
    CHECK(table.drawn(~0ull) == terms("c"));
}

TEST_CASE("a trunk more changes what few of the unknown are challenged by") {
    const DigestTermsByLot before({{terms("a"), 500}, {terms("b"), 300}, {terms("c"), 200}});
    const DigestTermsByLot after({{terms("a"), 501}, {terms("aa"), 1}, {terms("b"), 300}, {terms("c"), 200}});
    std::uint64_t others = 0;
    for (std::uint64_t i = 0; i < lots; ++i) others += before.drawn(lot(i)) == after.drawn(lot(i)) ? 0 : 1;
    CHECK(others < lots / 200);
}

TEST_CASE("an unknown name looks like a registering trunk of its domain; without any like a static one of it") {
    using enum DigestAlgorithm;
    auto other_realm = with_algorithms("other", {});
    other_realm.credentials.front().digest_realm = "other.example";
    auto disabled = with_algorithms("disabled", {md5, sha256});
    disabled.disabled = true;
    auto fixed = sample_static_trunk();
    fixed.credentials = {{"beta", "static.example", std::string(32, 'a'), ""}};
    auto elsewhere = sample_static_trunk("gamma", "198.51.100.32/28");
    elsewhere.domain = "Elsewhere.example";
    elsewhere.credentials = {{"gamma", "", std::string(32, 'a'), std::string(64, 'b')}};
    auto without = sample_static_trunk("delta", "198.51.100.64/28");
    without.domain = "nobody.example";
    const auto s =
        snapshot_of({sample_trunk(), with_algorithms("md5", {md5}), other_realm, disabled, fixed, elsewhere, without});

    REQUIRE(s.digest_terms_of("SIP.example.com") != nullptr);
    const auto seen = outcomes(*s.digest_terms_of("SIP.example.com"));
    const DigestTerms usual{"sip.example.com", {sha256, md5}}, md5_alone{"sip.example.com", {md5}},
        other{"other.example", {sha256, md5}};
    CHECK(seen.size() == 3);
    for (const auto& kind : {usual, md5_alone, other}) CHECK(seen.contains(kind));

    REQUIRE(s.digest_terms_of("elsewhere.example") != nullptr);
    CHECK(s.digest_terms_of("elsewhere.example")->drawn(0) == DigestTerms{"Elsewhere.example", {sha256, md5}});
    CHECK(s.digest_terms_of("nobody.example") == nullptr);
    CHECK(s.digest_terms_of("") == nullptr);

    REQUIRE(s.digest_terms_of_any() != nullptr);
    CHECK(outcomes(*s.digest_terms_of_any()).size() == 5);  // that of the static trunk has no secret for SHA-256
    CHECK(snapshot_of({}).digest_terms_of_any() == nullptr);
}
