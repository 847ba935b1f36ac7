#include "tests/simulate/sim_media.h"

#include <algorithm>
#include <array>
#include <sstream>

namespace sallyport::test {
namespace {

const std::string event = "telephone-event/8000", always = "PCMA/8000", wide = "opus/48000/2";

std::optional<std::string> static_codec(int type) {
    switch (type) {
        case 0: return "PCMU/8000";
        case 8: return "PCMA/8000";
        case 9: return "G722/8000";
        case 18: return "G729/8000";
        default: return std::nullopt;
    }
}
bool begins(const std::string& line, const std::string& with) { return line.compare(0, with.size(), with) == 0; }

void read_format(Session& session, std::istringstream in) {
    int type = 0;
    std::string codec;
    in >> type >> codec;
    for (auto& [known, name] : session.codecs)
        if (known == type) name = codec;
}

}  // namespace

Session Session::read(const std::string& text) {
    Session s;
    s.text = text;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        while (!line.empty() && line.back() == '\r') line.pop_back();
        if (begins(line, "o=")) {
            std::istringstream in(line.substr(2));
            std::string user, id, rest;
            in >> user >> id >> s.version;
            std::getline(in, rest);
            s.origin = user + " " + id + rest;
        } else if (begins(line, "c=IN IP4 ")) {
            s.address = line.substr(9);
        } else if (begins(line, "m=")) {
            if (++s.streams > 1) continue;
            std::istringstream in(line.substr(2));
            std::string media, protocol;
            in >> media >> s.port >> protocol;
            for (int type = 0; in >> type;) s.codecs.emplace_back(type, static_codec(type).value_or("?"));
        } else if (begins(line, "a=rtpmap:")) {
            read_format(s, std::istringstream(line.substr(9)));
        } else if (const auto at = line.find("inline:"); begins(line, "a=crypto:") && at != line.npos) {
            if (s.key.empty()) s.key = line.substr(at + 7, line.find_first_of("| ", at) - at - 7);
        } else if (begins(line, "a=")) {
            for (const auto* direction : {"sendrecv", "sendonly", "recvonly", "inactive"})
                if (line.substr(2) == direction) s.direction = direction;
        }
    }
    return s;
}

std::optional<int> Session::type_of(const std::string& codec) const {
    for (const auto& [type, name] : codecs)
        if (name == codec) return type;
    return std::nullopt;
}

std::string Session::content() const {
    const auto from = text.find("\no=") + 1;
    return text.substr(0, from) + text.substr(text.find("\n", from) + 1);
}

std::vector<std::string> Agreement::codecs() const {
    const Session& answer = mine_answers ? mine : theirs;
    const Session& offer = mine_answers ? theirs : mine;
    std::vector<std::string> out;
    for (const auto& [type, name] : answer.codecs)
        if (offer.type_of(name)) out.push_back(name);
    return out;
}

std::string Told::hear(const Session& session) {
    if (session.address == "0.0.0.0" || session.address == "::") return "told a zero address";
    if (!origin_.empty() && session.origin != origin_) return "o= is another: " + origin_ + ", then " + session.origin;
    origin_ = session.origin;
    for (const auto& [type, name] : session.codecs) {
        if (session.port == 0) break;  // refused: as it was offered
        auto& meaning = meanings_[type];
        if (!meaning.empty() && meaning != name)
            return "type " + std::to_string(type) + " was " + meaning + " and is " + name;
        meaning = name;
    }
    if (session.streams < streams_) return "m-lines have gone";
    streams_ = session.streams;
    const std::string content = session.content();
    const auto known = contents_.find(session.version);
    if (known != contents_.end() && known->second != content)
        return "another description of the same version:\n" + known->second + "\n" + content;
    if (const auto before = contents_.find(session.version - 1); before != contents_.end() && before->second == content)
        return "another version of the same description";
    contents_[session.version] = content;
    return {};
}

bool Told::has_gap() const {
    return !contents_.empty() && contents_.rbegin()->first - contents_.begin()->first + 1 != contents_.size();
}

SimMedia::SimMedia(const PeerIdentity& who, RandomSource& random)
    : name_(who.name), host_(who.media_host), srtp_(who.srtp) {
    constexpr std::array events{96, 97, 101}, wides{107, 111, 112};  // never the same number for both
    types_ = {{"PCMU/8000", 0}, {always, 8}, {"G722/8000", 9}, {"G729/8000", 18}};
    types_[event] = events[random.below(events.size())];
    types_[wide] = wides[random.below(wides.size())];
    choose(random);
    port_ = static_cast<std::uint16_t>(10'000 + 2 * random.below(20'000));
    change_mind(random);
}

// PCMA is everybody's, lest most calls fail.
void SimMedia::choose(RandomSource& random) {
    codecs_ = {always};
    for (const auto& codec : {std::string("PCMU/8000"), std::string("G722/8000"), std::string("G729/8000"), wide})
        if (random.below(2) == 0) codecs_.insert(codecs_.begin() + random.below(2) * codecs_.size(), codec);
    if (random.below(10) != 0) codecs_.push_back(event);
}

void SimMedia::change_mind(RandomSource& random) {
    if (random.below(3) == 0) choose(random);
    if (random.below(4) == 0) port_ = static_cast<std::uint16_t>(10'000 + 2 * random.below(20'000));
    if (!key_.empty() && random.below(4) != 0) return;
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    key_.clear();
    while (key_.size() < 40) key_ += letters[random.below(static_cast<std::uint32_t>(letters.size()))];
}

std::string SimMedia::offer(const std::string& direction, bool no_address) {
    return say(direction, codecs_, no_address);
}

std::string SimMedia::answer(const std::string& direction, const Session& offer, bool narrow) {
    std::vector<std::string> taken;
    bool slow = false;
    for (const auto& [type, name] : offer.codecs) {
        if (std::find(codecs_.begin(), codecs_.end(), name) == codecs_.end()) continue;
        if (name == event || (narrow && !taken.empty())) continue;
        taken.push_back(name);
        slow |= name != wide;
        types_[name] = type;
    }
    const bool hears_events = std::find(codecs_.begin(), codecs_.end(), event) != codecs_.end();
    if (const auto type = offer.type_of(event); type && slow && hears_events) {
        taken.push_back(event);
        types_[event] = *type;
    }
    return say(direction, taken, false);
}

std::string SimMedia::pass_on(const std::string& description) {
    const auto from = description.find("\no=") + 1, to = description.find("\r\n", from);
    return stamp(description.substr(0, from) + "o=" + description.substr(to));
}

std::string SimMedia::say(const std::string& direction, const std::vector<std::string>& codecs, bool no_address) {
    std::string formats, maps;
    for (const auto& codec : codecs) {
        const std::string type = std::to_string(types_.at(codec));
        formats += " " + type;
        maps += "a=rtpmap:" + type + " " + codec + "\r\n";
        if (codec == event) maps += "a=fmtp:" + type + " 0-15\r\n";
    }
    const std::string host = no_address ? "0.0.0.0" : host_;
    std::string text = "v=0\r\no=\r\ns=" + name_ + "-session\r\nc=IN IP4 " + host + "\r\nt=0 0\r\nm=audio " +
                       std::to_string(port_) + " RTP/" + (srtp_ ? "SAVP" : "AVP") + formats + "\r\n" + maps;
    if (srtp_) text += "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key_ + "\r\n";
    return stamp(text + "a=" + direction + "\r\n");
}

std::string SimMedia::stamp(std::string content) {
    if (content != last_) ++version_;
    last_ = content;
    const std::string origin = "o=" + name_ + "-user 4711 " + std::to_string(version_) + " IN IP4 " + host_;
    return content.replace(content.find("\r\no=") + 2, 2, origin);
}

}  // namespace sallyport::test
