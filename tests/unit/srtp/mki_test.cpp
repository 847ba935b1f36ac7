// Packets that name their key (RFC 3711 3.1, RFC 7714), made by libsrtp's own hand, for each engine.
#include <srtp2/srtp.h>

#include "media-plane/srtp/mki.h"
#include "peer.h"

using namespace sallyport;
using namespace sallyport::srtp;

namespace {

// libsrtp itself, with an MKI: it is none of ours that says where it goes.
class NamingSender {
public:
    NamingSender(Suite suite, Bytes key, Bytes mki) : key_(std::move(key)), mki_(std::move(mki)) {
        master_ = {key_.data(), mki_.data(), static_cast<unsigned>(mki_.size())};
        srtp_policy_t policy{};
        switch (suite) {
            case Suite::none: break;
            case Suite::aes_cm_128_hmac_sha1_80:
                srtp_crypto_policy_set_rtp_default(&policy.rtp);
                srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
                break;
            case Suite::aes_cm_128_hmac_sha1_32:
                srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp);
                srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
                break;
            case Suite::aead_aes_128_gcm:
                srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
                srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
                break;
            case Suite::aead_aes_256_gcm:
                srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
                srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
                break;
            case Suite::aes_256_cm_hmac_sha1_80:
                srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy.rtp);
                srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy.rtcp);
                break;
        }
        policy.ssrc.type = ssrc_any_outbound;
        policy.keys = keys_.data();
        policy.num_master_keys = keys_.size();
        REQUIRE(srtp_create(&session_, &policy) == srtp_err_status_ok);
    }
    ~NamingSender() { srtp_dealloc(session_); }
    NamingSender(const NamingSender&) = delete;
    NamingSender& operator=(const NamingSender&) = delete;

    Bytes protect(Bytes packet, bool rtcp) {
        int length = static_cast<int>(packet.size());
        packet.resize(packet.size() + SRTP_MAX_TRAILER_LEN + SRTP_MAX_MKI_LEN + 4);
        const auto error = rtcp ? srtp_protect_rtcp_mki(session_, packet.data(), &length, 1, 0)
                                : srtp_protect_mki(session_, packet.data(), &length, 1, 0);
        REQUIRE(error == srtp_err_status_ok);
        packet.resize(static_cast<std::size_t>(length));
        return packet;
    }

private:
    Bytes key_, mki_;
    srtp_master_key_t master_{};
    std::array<srtp_master_key_t*, 1> keys_{&master_};
    srtp_t session_ = nullptr;
};

}  // namespace

TEST_CASE("Packets that name their key are understood, SRTCP too, with every suite and by every engine [E-20]") {
    WITH_EVERY_ENGINE;
    for (std::size_t s = 1; s < suite_facts.size(); ++s) {
        const auto suite = static_cast<Suite>(s);
        INFO(facts(suite).sdes_name);
        const Bytes key(key_material_bytes(suite), 0x37);
        for (const Bytes& mki : {Bytes{7}, Bytes{0, 0, 4, 42}, Bytes(limits::mki_bytes, 0xab)}) {
            Peer receiver(suite, key, true);
            NamingSender sender(suite, key, mki);
            for (const bool rtcp : {false, true}) {
                const Bytes plain = rtcp ? rtcp_packet() : rtp_packet(100);
                const Bytes sent = sender.protect(plain, rtcp);
                CHECK(receiver.process(sent, rtcp).status == Status::auth_failed);  // for who does not know of it

                Bytes taken = sent;
                Job job{receiver.context.get(),
                        taken.data(),
                        static_cast<std::uint16_t>(taken.size()),
                        static_cast<std::uint16_t>(taken.size()),
                        rtcp,
                        Status::ok};
                Bytes another = mki;
                another.back() ^= 1;
                CHECK_FALSE(take_mki(job, another));
                CHECK(taken == sent);
                CHECK(job.length == sent.size());
                REQUIRE(take_mki(job, mki));
                taken.resize(job.length);
                const Outcome heard = receiver.process(taken, rtcp);
                CHECK(heard.status == Status::ok);
                CHECK(heard.bytes == plain);
            }
        }
    }
}

TEST_CASE("A packet that is shorter than MKI and tag names no key") {
    Peer receiver(Suite::aes_cm_128_hmac_sha1_80, Bytes(30, 1), true);
    Bytes octets(13, 0);
    for (std::uint16_t length = 0; length <= octets.size(); ++length) {
        Job job{receiver.context.get(), octets.data(), length, length, false, Status::ok};
        CHECK_FALSE(take_mki(job, Bytes(4, 0)));
        CHECK(job.length == length);
    }
}
