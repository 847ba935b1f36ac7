// What OpenSSL itself keeps for a connection that stands idle, on the server's side: handshaken over a socket pair,
// with the settings of a listener of ours (TLS 1.3, buffers released) and nothing of ours around it. tls_memory
// CERTIFICATE KEY COUNT prints {"bytes_per_connection": N}: resident memory, as a daemon's is counted that it stands
// beside.
#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

namespace {

template <auto free>
struct Free {
    template <class T>
    void operator()(T* what) const {
        free(what);
    }
};
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, Free<SSL_free>>;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "tls_memory: %s\n", what);
    std::exit(1);
}

std::size_t resident_bytes() {
    unsigned long size = 0, resident = 0;
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    const bool read = file != nullptr && std::fscanf(file, "%lu %lu", &size, &resident) == 2;
    if (file != nullptr) std::fclose(file);
    if (!read) fail("/proc/self/statm cannot be read");
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

Connection connection(SSL_CTX* context, int socket, bool server) {
    Connection made(SSL_new(context));
    if (!made || SSL_set_fd(made.get(), socket) != 1) fail("no connection");
    server ? SSL_set_accept_state(made.get()) : SSL_set_connect_state(made.get());
    return made;
}

// The server's end of an idle connection; the client is gone again, its socket stays.
Connection idle(SSL_CTX* server_context, SSL_CTX* client_context) {
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data()) != 0) fail("no socket pair");
    Connection server = connection(server_context, pair[0], true);
    Connection client = connection(client_context, pair[1], false);
    for (int turn = 0; turn < 20; ++turn) {
        const int done = SSL_do_handshake(client.get()) + SSL_do_handshake(server.get());
        if (done == 2) break;
    }
    std::array<char, 16> text{};
    if (SSL_write(client.get(), "\r\n\r\n", 4) != 4 || SSL_read(server.get(), text.data(), text.size()) != 4 ||
        SSL_write(server.get(), "\r\n", 2) != 2 || SSL_read(server.get(), text.data(), text.size()) > 0)
        fail("the handshake did not end");
    return server;
}

}  // namespace

int main(int argc, char** argv) {
    const int count = argc == 4 ? std::atoi(argv[3]) : 0;
    if (count < 1) fail("CERTIFICATE KEY COUNT");
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    Context server(SSL_CTX_new(TLS_server_method())), client(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_options(server.get(),
                        SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(server.get(), SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_use_certificate_chain_file(server.get(), argv[1]) != 1 ||
        SSL_CTX_use_PrivateKey_file(server.get(), argv[2], SSL_FILETYPE_PEM) != 1)
        fail("certificate or key cannot be read");
    std::vector<Connection> all;
    all.reserve(static_cast<std::size_t>(count) + 1);
    all.push_back(idle(server.get(), client.get()));  // what is made once
    const std::size_t before = resident_bytes();
    for (int i = 0; i < count; ++i) all.push_back(idle(server.get(), client.get()));
    std::printf("{\"bytes_per_connection\": %zu}\n", (resident_bytes() - before) / static_cast<std::size_t>(count));
    return 0;
}
