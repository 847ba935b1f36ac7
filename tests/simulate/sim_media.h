// What an end of a simulated call is able to, describes, and hears described (RFC 3264, 4566, 4568): codecs with their
// payload types, address and port, direction, key. One audio stream; read and written by the tests' own means.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/base/random.h"
#include "tests/support/peer.h"

namespace sallyport::test {

// A description, taken apart as far as somebody has to agree about it.
struct Session {
    std::string text;
    std::string origin;  // o= without its version
    std::uint64_t version = 0;
    std::string address, direction = "sendrecv", key;
    std::uint16_t port = 0;
    std::size_t streams = 0;
    std::vector<std::pair<int, std::string>> codecs;  // payload type, "PCMA/8000"

    static Session read(const std::string& text);
    std::optional<int> type_of(const std::string& codec) const;
    std::string content() const;  // all but o=
};

// The last exchange of one end that has come to its end.
struct Agreement {
    Session mine, theirs;
    bool mine_answers = false;

    std::vector<std::string> codecs() const;  // in the order of the answer: what is sent is the first one
};

// What an end was told in one dialog: o=, slots and payload types have rules over its whole life (RFC 3264 8).
class Told {
public:
    std::string hear(const Session& session);  // what is wrong with it, or nothing
    bool has_gap() const;                      // a version that was never heard, between others

private:
    std::string origin_;
    std::map<std::uint64_t, std::string> contents_;  // by version
    std::map<int, std::string> meanings_;
    std::size_t streams_ = 0;
};

// What an end says of itself in one dialog.
class SimMedia {
public:
    SimMedia() = default;
    SimMedia(const PeerIdentity& who, RandomSource& random);

    std::string offer(const std::string& direction, bool no_address = false);
    // `narrow`: it takes one codec only.
    std::string answer(const std::string& direction, const Session& offer, bool narrow);
    // Somebody else's description, in our name.
    std::string pass_on(const std::string& description);
    void change_mind(RandomSource& random);  // other codecs, another port, another key: each now and then

private:
    std::string say(const std::string& direction, const std::vector<std::string>& codecs, bool no_address);
    std::string stamp(std::string content);
    void choose(RandomSource& random);

    std::string name_, host_, key_, last_;
    bool srtp_ = false;
    std::uint16_t port_ = 0;
    unsigned version_ = 0;
    std::vector<std::string> codecs_;   // in order of preference
    std::map<std::string, int> types_;  // one meaning each, for ever
};

}  // namespace sallyport::test
