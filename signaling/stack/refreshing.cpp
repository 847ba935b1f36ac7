// A refresh that says what the last one said is answered without being parsed (refreshes.h). Everything that could have
// changed is looked at; whatever is not as it was goes the long way, which judges it in full. Both ways give the same
// answer and leave the same behind.
#include <algorithm>
#include <charconv>
#include <optional>

#include "signaling/registrar/bulk_contact.h"
#include "signaling/stack/core.h"
#include "signaling/stack/trunk_digest.h"
#include "signaling/transaction/key.h"

namespace sallyport::stack {

using sip::HeaderName;
using sip::HoleName;
using Holes = std::vector<sip::Stencil::Hole>;

namespace {

constexpr std::string_view method = "REGISTER";
constexpr std::size_t longest = 2'048;  // bytes of a REGISTER that is remembered

std::size_t count_of(const sip::Message& message, HeaderName name) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < message.field_count(); ++i) count += message.field(i).name == name ? 1 : 0;
    return count;
}

std::string_view cseq_digits(const sip::Message& message) {
    const auto value = message.first(HeaderName::cseq).value_or("");
    return value.substr(0, value.find_first_not_of("0123456789"));
}

// In every message of the transaction.
Holes common_holes(const sip::Message& message) {
    return {{HoleName::branch, message.top_via().branch},
            {HoleName::from_tag, message.from_tag()},
            {HoleName::cseq, cseq_digits(message)}};
}

std::optional<Holes> holes_of_proof(std::string_view authorization) {
    Holes holes;
    using Pair = std::pair<HoleName, std::string_view>;
    for (const auto& [name, parameter] : {Pair{HoleName::nonce, "nonce"}, Pair{HoleName::nonce_count, "nc"},
                                          Pair{HoleName::cnonce, "cnonce"}, Pair{HoleName::response, "response"}}) {
        const auto value = sip::auth_parameter(authorization, parameter);
        if (!value) return std::nullopt;
        holes.push_back({name, *value});
    }
    return holes;
}

std::optional<sip::Stencil> cut_request(const sip::Message& request, std::string_view authorization) {
    auto holes = common_holes(request);
    const auto proof = holes_of_proof(authorization);
    if (!proof) return std::nullopt;
    holes.insert(holes.end(), proof->begin(), proof->end());
    return sip::Stencil::cut(request.text(), std::move(holes));
}

std::optional<sip::Stencil> cut_answer(std::string_view text) {
    const auto answer = sip::Parser::parse(text);
    if (!answer.has_value()) return std::nullopt;
    auto holes = common_holes(*answer);
    holes.push_back({HoleName::to_tag, answer->to_tag()});
    if (const auto date = answer->first(HeaderName::date)) holes.push_back({HoleName::date, *date});
    for (std::size_t i = 0; i < answer->field_count(); ++i) {
        const auto field = answer->field(i);
        if (field.name != HeaderName::www_authenticate) continue;
        const auto nonce = sip::auth_parameter(field.value, "nonce");
        if (!nonce) return std::nullopt;
        holes.push_back({HoleName::nonce, *nonce});
    }
    return sip::Stencil::cut(answer->text(), std::move(holes));
}

// The request without the line of its only Authorization; nothing if it has none, or several.
std::optional<std::pair<std::string, std::string_view>> without_authorization(const sip::Message& request) {
    std::optional<sip::Field> only;
    for (std::size_t i = 0; i < request.field_count(); ++i) {
        const auto field = request.field(i);
        if (field.name != HeaderName::authorization) continue;
        if (only) return std::nullopt;
        only = field;
    }
    if (!only) return std::nullopt;
    const std::string_view text = request.text();
    const auto begin = static_cast<std::size_t>(only->name_text.data() - text.data());
    const auto value_end = static_cast<std::size_t>(only->value.data() + only->value.size() - text.data());
    const auto end = text.find('\n', value_end);
    if (end == text.npos) return std::nullopt;
    return std::pair{std::string(text.substr(0, begin)).append(text.substr(end + 1)), only->value};
}

}  // namespace

// Of a REGISTER that was granted and has changed nothing: `response` is what it was answered.
std::unique_ptr<Refresh> Core::refresh_of(const transaction::Request& request, const config::Trunk& trunk,
                                          const registrar::Binding& binding, std::string_view response) const {
    const sip::Message& message = request.message;
    if (!message.to_tag().empty() || message.text().size() > longest) return nullptr;
    for (const auto name : {HeaderName::from, HeaderName::cseq})  // twice the same is legal
        if (count_of(message, name) != 1) return nullptr;
    const auto bare = without_authorization(message);
    if (!bare) return nullptr;
    const auto [bare_text, authorization] = *bare;
    auto answer = sip::parse_digest_answer(authorization);
    const auto asked = sip::Parser::parse(bare_text);
    if (!answer.has_value() || !answer->has_qop || !asked.has_value()) return nullptr;

    auto refresh = std::make_unique<Refresh>();
    const auto keep = [](std::optional<sip::Stencil> cut, sip::Stencil& to) {
        if (cut) to = std::move(*cut);
        return cut.has_value();
    };
    auto challenged = sip::respond(*asked, 401, "0", &request.flow.remote);
    for (const auto algorithm : digest_offer_of(trunk).algorithms)
        challenged.add(HeaderName::www_authenticate,
                       sip::digest_challenge(algorithm, digest_realm_of(trunk), answer->nonce, {}, false));
    if (!keep(cut_request(message, authorization), refresh->proved) ||
        !keep(sip::Stencil::cut(asked->text(), common_holes(*asked)), refresh->asked) ||
        !keep(cut_answer(response), refresh->granted) || !keep(cut_answer(challenged.finish()), refresh->challenge))
        return nullptr;

    const auto placed = [&](std::string_view view) {
        return refresh->proved.text().substr(static_cast<std::size_t>(view.data() - message.text().data()),
                                             view.size());
    };
    const auto& via = message.top_via();
    const auto via_value = message.first(HeaderName::via).value_or("");
    refresh->via.host = placed(via.host);
    refresh->via.port = via.port;
    const auto branch_at = static_cast<std::size_t>(via.branch.data() - via_value.data());
    refresh->via_head = placed(via_value.substr(0, branch_at));
    refresh->via_tail = placed(via_value.substr(branch_at + via.branch.size()));
    refresh->call_id = placed(message.call_id());
    refresh->request_uri = placed(message.request_uri());
    refresh->responses = transaction::response_flow(request.flow, via);
    const auto secret = secret_of(snapshot->credential(answer->username, answer->realm));
    refresh->ha1 = answer->algorithm == sip::DigestAlgorithm::sha256 ? secret.ha1_sha256 : secret.ha1_md5;
    refresh->ha2 = sip::digest_ha2(*answer, method);
    refresh->answer = std::move(*answer);
    refresh->aor = challenge_for(&trunk, message.to().uri, {}, false).aor;
    refresh->trunk = trunk.id;
    refresh->contact = binding.contact;
    refresh->expires_at = binding.expires_at;
    refresh->lasts = binding.expires_at - now_;
    return refresh;
}

// The binding that a REGISTER has written, if it is the only one of its trunk. One that asks for nothing, or takes
// another contact back, is granted as well, and writes none.
std::optional<registrar::Binding> Core::written_by(const transaction::Request& request,
                                                   const config::Trunk& trunk) const {
    const auto contacts = registrar::parse_contacts(request.message);
    if (!contacts.has_value() || contacts->list.size() != 1 || contacts->list.front().expires == 0u)
        return std::nullopt;
    return shared.locations.look_at(trunk.id, [&](const auto& bindings) -> std::optional<registrar::Binding> {
        if (bindings.size() != 1) return std::nullopt;
        const registrar::Binding& only = bindings.front();
        const bool is_it = only.contact == contacts->list.front().text && only.flow == request.flow &&
                           only.call_id == request.message.call_id() && only.cseq == request.message.cseq().number &&
                           only.path.empty() && only.expires_at > now_;
        return is_it ? std::optional(only) : std::nullopt;
    });
}

// What a binding must be for the refresh to be one of it.
bool Core::is_refreshed_by(const Refresh& refresh, const registrar::Binding& binding, const Flow& flow) const {
    return binding.flow == flow && !binding.flow_closed && !binding.silent && binding.expires_at > now_ &&
           binding.path.empty() && binding.call_id == refresh.call_id && binding.contact == refresh.contact;
}

void Core::remember_refresh(const transaction::Request& request, const config::Trunk& trunk, bool changed,
                            std::string_view response) {
    if (request.flow.transport != Transport::udp) return;
    refreshes.forget(request.flow);
    if (changed || known_sender || !refreshes.is_worth(request.flow)) return;
    const auto binding = written_by(request, trunk);
    if (!binding) return;
    if (auto refresh = refresh_of(request, trunk, *binding, response))
        refreshes.remember(request.flow, std::move(refresh));
    else
        refreshes.give_up(request.flow, binding->expires_at);
}

bool Core::answer_refresh(const Flow& flow, std::string_view bytes) {
    if (flow.transport != Transport::udp || draining || !bytes.starts_with(method)) return false;
    if (shared.register_refusal.load(std::memory_order_relaxed) != 0) return false;
    Refresh* const refresh = refreshes.find(flow);
    if (refresh == nullptr) return false;
    sip::HoleValues is;
    const bool proves = refresh->proved.read(bytes, is);
    if (!proves && !refresh->asked.read(bytes, is)) return false;
    if (is_locked(flow, refresh->aor, proves ? std::string_view(refresh->answer.username) : std::string_view()))
        return false;
    refresh->via.branch = is[HoleName::branch];
    const auto admitted = layer.admit(transaction::server_key_of(method, refresh->via),
                                      transaction::merge_key_of(method, is[HoleName::cseq], is[HoleName::from_tag],
                                                                refresh->call_id, refresh->request_uri),
                                      bytes.size(), now_);
    if (!admitted) return false;
    if (!(proves ? grant_refresh(flow, *refresh, is, *admitted) : challenge_refresh(flow, *refresh, is, bytes.size())))
        return false;
    refresh->used = true;
    statistics.messages_received.add();
    statistics.refreshes_unparsed.add();
    layer.count_request();
    return true;
}

bool Core::challenge_refresh(const Flow& flow, const Refresh& refresh, sip::HoleValues& is, std::size_t asked_bytes) {
    const auto& digest_realm = refresh.answer.realm;
    const registrar::Asker asker{flow.remote.address, &settings.realms[flow.realm]};
    const std::string tag = tag_of({refresh.via_head, is[HoleName::branch], refresh.via_tail, "\n", refresh.call_id,
                                    "\n", is[HoleName::from_tag], "\n", is[HoleName::cseq]});
    const std::string nonce = authenticator.make_nonce(digest_realm, now_, asker);
    is[HoleName::to_tag] = tag;
    is[HoleName::nonce] = nonce;
    std::string text = refresh.challenge.write(is);
    if (text.size() > 3 * asked_bytes) return false;
    statistics.challenges.add();
    effects_.emplace_back(
        transaction::Transmit{refresh.responses, std::make_shared<const std::string>(std::move(text)), {}});
    return true;
}

// The nonce is used up last: until then the long way finds everything as it was.
bool Core::grant_refresh(const Flow& flow, Refresh& refresh, sip::HoleValues& is,
                         const transaction::NewRequest& admitted) {
    auto& answer = refresh.answer;
    const auto number = [](std::string_view digits, int base) {
        std::uint32_t value = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
        return value;
    };
    answer.nonce = is[HoleName::nonce];
    answer.cnonce = is[HoleName::cnonce];
    answer.response = is[HoleName::response];
    for (char& c : answer.response) c = c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c;
    answer.nc_text = is[HoleName::nonce_count];
    answer.nc = number(answer.nc_text, 16);
    const registrar::Asker asker{flow.remote.address, &settings.realms[flow.realm]};
    if (!authenticator.is_right(answer, refresh.ha1, refresh.ha2, answer.realm, now_, asker)) return false;
    const std::uint32_t cseq = number(is[HoleName::cseq], 10);
    const bool renewed = shared.locations.renew(refresh.trunk, [&](registrar::Binding& binding) {
        if (!is_refreshed_by(refresh, binding, flow) || cseq <= binding.cseq || !authenticator.count(answer, now_))
            return false;
        binding.cseq = cseq;
        binding.expires_at = now_ + refresh.lasts;
        return true;
    });
    if (!renewed) return false;
    forgive(flow, refresh.aor, answer.username);
    refresh.expires_at = now_ + refresh.lasts;
    statistics.registrations_ok.add();
    const std::string tag = random.token(8), date = registrar::http_date(now_);
    is[HoleName::to_tag] = tag;
    is[HoleName::date] = date;
    // The trunk's state needs no look: it was "registered", and when it is looked at again it still will be.
    layer.answer_new(admitted, flow, refresh.responses, refresh.granted.write(is), now_, effects_);
    return true;
}

}  // namespace sallyport::stack
