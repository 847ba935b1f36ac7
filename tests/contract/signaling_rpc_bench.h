// What the contract tests of signaling's clients share: a gRPC server in this process on a socket of its own that can
// be stopped and started like a daemon, and a context that runs until a condition holds.
#pragma once

#include <grpcpp/grpcpp.h>

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

namespace contract {

using namespace std::chrono_literals;

template <class Condition>
bool run_until(boost::asio::io_context& context, Condition&& done) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;  // for slow machines and sanitizers
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        context.restart();
        context.run_one_for(10ms);
    }
    return true;
}

class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "sallyport-rpc-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    std::string file(const std::string& name) const { return (path_ / name).string(); }
    std::string socket() const { return "unix:" + file("socket"); }

private:
    std::filesystem::path path_;
};

class Server {
public:
    Server(std::string address, grpc::Service& service) : address_(std::move(address)), service_(service) { start(); }
    ~Server() { stop(); }
    void start() {
        grpc::ServerBuilder builder;
        builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
        builder.RegisterService(&service_);
        server_ = builder.BuildAndStart();
        REQUIRE(server_ != nullptr);
    }
    void stop() {
        if (!server_) return;
        server_->Shutdown(std::chrono::system_clock::now());  // streams are cut, as by kill -9
        server_->Wait();
        server_.reset();
    }

private:
    std::string address_;
    grpc::Service& service_;
    std::unique_ptr<grpc::Server> server_;
};

}  // namespace contract
