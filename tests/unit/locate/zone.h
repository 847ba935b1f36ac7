// A DNS zone in a test, asked until the locator is done.
#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "signaling/locate/locator.h"

namespace sallyport::test {

struct Zone {
    std::vector<locate::Answer> records;
    std::vector<std::string> asked;  // "srv _sip._udp.example.com"

    Zone& naptr(const std::string& name, std::vector<locate::NaptrRecord> list) {
        records.push_back({{locate::RecordType::naptr, name}, locate::DnsStatus::ok, 60s, {}, {}, std::move(list)});
        return *this;
    }
    Zone& srv(const std::string& name, std::vector<locate::SrvRecord> list) {
        records.push_back({{locate::RecordType::srv, name}, locate::DnsStatus::ok, 60s, {}, std::move(list), {}});
        return *this;
    }
    Zone& address(const std::string& name, const std::vector<std::string>& list) {
        for (const auto type : {locate::RecordType::a, locate::RecordType::aaaa}) {
            locate::Answer answer{{type, name}, locate::DnsStatus::ok, 60s, {}, {}, {}};
            for (const auto& text : list) {
                const auto ip = IpAddress::parse(text);
                REQUIRE(ip.has_value());
                if ((ip->family == Family::v4) == (type == locate::RecordType::a)) answer.addresses.push_back(*ip);
            }
            if (!answer.addresses.empty()) records.push_back(std::move(answer));
        }
        return *this;
    }
    Zone& failing(locate::RecordType type, const std::string& name, locate::DnsStatus status) {
        records.push_back({{type, name}, status, {}, {}, {}, {}});
        return *this;
    }

    locate::Answer answer(const locate::Question& q) {
        constexpr const char* types[] = {"a ", "aaaa ", "srv ", "naptr "};
        asked.push_back(types[static_cast<int>(q.type)] + q.name);
        for (const auto& r : records)
            if (r.question == q) return r;
        return {q, locate::DnsStatus::no_such_name, 60s, {}, {}, {}};
    }
};

inline locate::Step resolve(locate::Wanted wanted, Zone& zone, RandomSource& random) {
    locate::Locator locator(std::move(wanted), random);
    locate::Step step = locator.start();
    std::vector<locate::Question> open;
    for (int rounds = 0; rounds < 1'000; ++rounds) {
        const auto* questions = std::get_if<std::vector<locate::Question>>(&step);
        if (questions == nullptr) return step;
        open.insert(open.begin(), questions->rbegin(), questions->rend());
        REQUIRE_FALSE(open.empty());
        const auto next = open.back();
        open.pop_back();
        step = locator.resume(zone.answer(next));
    }
    FAIL("no end");
    return step;
}

// "tls 192.0.2.1:5061 (example.com)"
inline std::vector<std::string> texts(const locate::Step& step) {
    const auto* errc = std::get_if<locate::LocateErrc>(&step);
    if (errc != nullptr) {
        constexpr const char* names[] = {"nothing found", "dns failure", "unsupported", "bad host"};
        return {names[static_cast<int>(*errc)]};
    }
    std::vector<std::string> out;
    for (const auto& l : std::get<std::vector<locate::Located>>(step))
        out.push_back(std::string(to_string(l.transport)) + " " + l.endpoint.to_string() +
                      (l.tls_name.empty() ? "" : " (" + l.tls_name + ")"));
    return out;
}

}  // namespace sallyport::test
