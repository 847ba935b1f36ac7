// Certificates for the TLS tests, made by the openssl command once per test program in a folder that goes with it.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace certificates {

class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "sallyport-tls-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
        run("openssl genrsa -out key.pem 2048");
        run("openssl genrsa -out other-key.pem 2048");
        run("openssl req -x509 -new -key key.pem -subj '/CN=Test CA' -days 30 -out ca.pem "
            "-addext basicConstraints=critical,CA:true -addext keyUsage=keyCertSign,cRLSign");
        run("openssl req -x509 -new -key other-key.pem -subj '/CN=Other CA' -days 30 -out other-ca.pem");
    }
    ~Folder() { std::filesystem::remove_all(path_); }

    std::string file(const std::string& name) const { return (path_ / name).string(); }
    // A certificate of our CA for key.pem. `names`: value of subjectAltName, empty: none.
    std::string issue(const std::string& file_name, const std::string& subject, const std::string& names) const {
        if (std::filesystem::exists(path_ / file_name)) return file(file_name);
        std::ofstream(path_ / "extensions") << "basicConstraints=CA:false\n"
                                            << (names.empty() ? "" : "subjectAltName=" + names + "\n");
        run("openssl req -new -key key.pem -subj '" + subject + "' -out request.pem");
        run("openssl x509 -req -in request.pem -CA ca.pem -CAkey key.pem -CAcreateserial -days 20 "
            "-extfile extensions -out " +
            file_name);
        return file(file_name);
    }
    void run(const std::string& command) const {
        const std::string all = "cd '" + path_.string() + "' && { " + command + "; } >>log 2>&1";
        INFO(command);
        REQUIRE(std::system(all.c_str()) == 0);
    }

private:
    std::filesystem::path path_;
};

inline Folder& folder() {
    static Folder instance;
    return instance;
}

}  // namespace certificates
