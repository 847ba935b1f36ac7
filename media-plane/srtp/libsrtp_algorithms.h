// libsrtp's algorithms, done by the multi-buffer library instead of the one it was built with.
//
// Debian builds libsrtp on NSS, which keeps a session per key in a table of 32 chains: measured here, a packet cost 2
// us with one call, 30 us with a thousand and far more with five thousand. With these it is the same however many there
// are.
#pragma once

namespace sallyport::srtp {

// After srtp_init(), before the first context. libsrtp runs its own known-answer tests on each. False if one fails.
bool replace_libsrtp_algorithms();

}  // namespace sallyport::srtp
