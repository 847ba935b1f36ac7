// rooms: registrar
// Any text where bindings should be: bounded, and what is read can be written and read again.
#include <string>

#include "control/base/check.h"
#include "signaling/registrar/binding_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sallyport;
    using namespace sallyport::registrar;
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const RealmTable realms{
        {"access", "access", false, {{Transport::udp, *Endpoint::parse("192.0.2.1:5060"), "192.0.2.1", 5060}}}};
    // Either the whole text is the fuzzer's, or what follows a head that is right.
    const std::string whole = (data[0] & 1) != 0
                                  ? std::string(text)
                                  : "sallyport-bindings 1\nbinding=\ncontact=sip:h.example\nrealm=access\n"
                                    "remote=192.0.2.7:5060\nexpires=99999999\n" +
                                        std::string(text) + "\n";
    const auto read = read_bindings(whole, "acme", realms, TimePoint{});
    if (!read) return 0;
    SALLYPORT_CHECK(read->size() <= most_bindings_read);
    const auto again = read_bindings(write_bindings(*read, realms), "acme", realms, TimePoint{});
    SALLYPORT_CHECK(again && *again == *read);
    return 0;
}
