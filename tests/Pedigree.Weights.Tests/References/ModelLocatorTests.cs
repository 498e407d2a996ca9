using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.References;
using Pedigree.Weights.Tests.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.References;

public sealed class ModelLocatorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Hub _hub = new();
    private readonly HubSettings _settings;

    public ModelLocatorTests()
    {
        _settings = new(_hub.Address, _folder["cache"]) { LongestWait = TimeSpan.FromMilliseconds(20) };
        Model.Write(_folder["source"], Model.Random("w", DType.F32, [300, 100], 1));
        File.WriteAllText(_folder["source/tokenizer.json"], "{}");
        File.WriteAllText(_folder["source/pytorch_model.bin"], "never");
        File.WriteAllText(_folder["source/modeling.py"], "never");
        _hub.Add("org/name", _folder["source"]);
    }

    public void Dispose()
    {
        _hub.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_model_of_the_hub_is_fetched_into_the_cache_in_the_layout_that_other_clients_share()
    {
        var folder = await FindAsync("org/name");
        Assert.Equal(_folder[$"cache/models--org--name/snapshots/{Hub.Commit}"], folder);
        Assert.Equal(
            ["config.json", "model.safetensors", "tokenizer.json"], Directory.GetFiles(folder).Select(Path.GetFileName).Order());
        Assert.Equal(Hub.Commit, File.ReadAllText(_folder["cache/models--org--name/refs/main"]));
        var weights = File.ReadAllBytes(_folder["source/model.safetensors"]);
        var blob = $"../../blobs/{Convert.ToHexStringLower(SHA256.HashData(weights))}";
        Assert.Equal(blob, new FileInfo(Path.Combine(folder, "model.safetensors")).LinkTarget);
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
        using var opened = Checkpoint.Open(folder);
        Assert.Equal(30_000, opened.Parameters);
    }

    [Fact]
    public async Task An_adapter_is_refused_where_a_model_is_taken_as_it_is()
    {
        var error = await Assert.ThrowsAsync<BadInputException>(
            () => new ModelLocator(_settings).FolderWithoutAdapterAsync($"{_folder["source"]}+org/adapter", _folder[""]));
        Assert.Contains("an adapter is only merged by `pedigree merge`", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_cache_has_is_not_asked_for_again_and_serves_without_a_network()
    {
        var folder = await FindAsync("org/name@v1");
        var requests = _hub.Requests.Count;
        Assert.Equal(folder, await FindAsync("org/name@v1"));
        Assert.Equal(folder, await FindAsync($"org/name@{Hub.Commit}", _settings with { Offline = true }));
        Assert.Equal(requests, _hub.Requests.Count);
    }

    [Fact]
    public async Task A_download_of_a_commit_that_was_ended_by_a_small_file_is_taken_up_by_the_next()
    {
        _hub.Files["org/name/tokenizer.json"] = null;
        var error = await RefusedAsync($"org/name@{Hub.Commit}");
        Assert.Contains("org/name@" + Hub.Commit + ": tokenizer.json: is not on http://127.0.0.1", error.Message);
        _hub.Add("org/name", _folder["source"]);
        Assert.True(File.Exists(Path.Combine(await FindAsync($"org/name@{Hub.Commit}"), "tokenizer.json")));
    }

    [Fact]
    public async Task A_tokenizer_that_another_client_left_on_the_hub_is_fetched_if_it_can_be_had()
    {
        var folder = await FindAsync("org/name");
        var tokenizer = Path.Combine(folder, "tokenizer.json");
        File.Delete(tokenizer);
        Assert.Equal(folder, await FindAsync("org/name", _settings with { Endpoint = new("http://127.0.0.1:1") }));
        Assert.Equal(folder, await FindAsync("org/name", _settings with { Offline = true }));
        Assert.False(File.Exists(tokenizer));
        _hub.Requests.Clear();
        Assert.Equal(folder, await FindAsync("org/name"));
        Assert.True(File.Exists(tokenizer));
        // The commit that the cache knows, wherever the branch is now; and what it has is not fetched again.
        Assert.Contains($"GET /api/models/org/name/revision/{Hub.Commit}", _hub.Requests);
        Assert.DoesNotContain(_hub.Requests, request => request.StartsWith("GET", StringComparison.Ordinal)
            && request.Contains("/resolve/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_model_that_has_no_tokenizer_on_the_hub_is_not_asked_for_one_again()
    {
        _hub.Files.Remove("org/name/tokenizer.json");
        var folder = await FindAsync("org/name");
        var lacking = _folder[$"cache/models--org--name/.no_exist/{Hub.Commit}"];
        Assert.Equal(0, new FileInfo(Path.Combine(lacking, "tokenizer.json")).Length);
        Assert.False(File.Exists(Path.Combine(lacking, "config.json")));
        _hub.Requests.Clear();
        Assert.Equal(folder, await FindAsync("org/name"));
        Assert.Empty(_hub.Requests);
        // Another client's snapshot says nothing of what the hub lacks, or not all of it.
        File.Delete(Path.Combine(lacking, "vocab.txt"));
        Assert.Equal(folder, await FindAsync("org/name"));
        Assert.NotEmpty(_hub.Requests);
        Assert.True(File.Exists(Path.Combine(lacking, "vocab.txt")));
    }

    [Fact]
    public async Task A_hub_that_cannot_be_reached_is_asked_once_for_the_tokenizer_of_a_model_that_is_there()
    {
        var folder = await FindAsync("org/name");
        File.Delete(Path.Combine(folder, "tokenizer.json"));
        using TcpListener broken = new(IPAddress.Loopback, 0);
        broken.Start();
        var calls = 0;
        _ = Task.Run(async () =>
        {
            while (true)
            {
                using var call = await broken.AcceptTcpClientAsync();
                calls++;
                await call.GetStream().WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"u8.ToArray());
            }
        });
        var settings = _settings with { Endpoint = new($"http://{broken.LocalEndpoint}") };
        Assert.Equal(folder, await FindAsync("org/name", settings));
        Assert.Equal(1, calls);
        await Assert.ThrowsAsync<UnavailableException>(() => FindAsync("org/other", settings));
        Assert.True(calls > 2);
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(60, 1)]
    public async Task A_hub_that_is_busy_is_not_asked_for_long_for_the_tokenizer_of_a_model_that_is_there(int retryAfter, int requests)
    {
        var folder = await FindAsync("org/name");
        File.Delete(Path.Combine(folder, "tokenizer.json"));
        (_hub.TooMany, _hub.RetryAfter) = (int.MaxValue, retryAfter);
        _hub.Requests.Clear();
        Assert.Equal(folder, await FindAsync("org/name"));
        Assert.Equal(requests, _hub.Requests.Count);
        _hub.TooMany = 1;
        _hub.RetryAfter = 0;
        await FindAsync("org/name");
        Assert.True(File.Exists(Path.Combine(folder, "tokenizer.json")));
    }

    [Fact]
    public async Task A_cache_that_cannot_be_written_is_named()
    {
        File.WriteAllText(_folder["file"], "");
        var error = await Assert.ThrowsAsync<UnavailableException>(
            () => FindAsync("org/name", _settings with { Cache = _folder["file/cache"] }));
        Assert.Contains($"org/name: cannot be written to the Hugging Face cache ({_folder["file/cache"]}): ", error.Message);
        Assert.Contains("HF_HUB_CACHE", error.Message);
    }

    [Theory]
    [InlineData("hf_\n")]
    [InlineData("hf_é")]
    public async Task A_token_that_is_none_is_refused_before_it_is_sent(string token)
    {
        Assert.StartsWith("HF_TOKEN: is no token", (await RefusedAsync("org/name", _settings with { Token = token })).Message);
        Assert.Empty(_hub.Requests);
    }

    [Fact]
    public async Task A_hub_that_asks_for_a_long_wait_is_not_waited_for()
    {
        (_hub.TooMany, _hub.RetryAfter) = (1, 86400);
        var error = await Assert.ThrowsAsync<UnavailableException>(() => FindAsync("org/name"));
        Assert.Contains("(429 Too Many Requests) for the next 1440 minutes", error.Message);
    }

    [Fact]
    public async Task A_redirection_away_from_the_web_is_refused()
    {
        _hub.Redirect = "file:///etc/hosts";
        Assert.Contains("is redirected to file, which is not followed", (await RefusedAsync("org/name")).Message);
    }

    [Fact]
    public async Task Another_revision_with_the_same_content_fetches_no_bytes_of_weights()
    {
        await FindAsync("org/name");
        await FindAsync("org/name@v1");
        Assert.Single(_hub.Requests, request => request == "GET /org/name/model.safetensors");
    }

    [Fact]
    public async Task Shards_are_fetched_as_the_index_names_them()
    {
        using (var writer = new CheckpointWriter(_folder["half"], [new("a", DType.F32, [8]), new("b", DType.F32, [8])], 32))
        {
            writer.Write("a", 0, new byte[32]);
            writer.Write("b", 0, new byte[32]);
            writer.AddFile("config.json", "{}"u8);
            writer.Complete(_folder["sharded"]);
        }
        File.WriteAllText(_folder["sharded/consolidated.safetensors"], "never");
        _hub.Add("org/sharded", _folder["sharded"]);
        using var opened = Checkpoint.Open(await FindAsync("org/sharded"));
        Assert.Equal(["a", "b"], opened.Tensors.Select(tensor => tensor.Name));
        Assert.DoesNotContain(_hub.Requests, request => request.Contains("consolidated"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_connection_cut_in_the_middle_is_taken_up_where_it_ended(bool ignoresRanges)
    {
        _hub.CutAfter = 50_000;
        _hub.IgnoresRanges = ignoresRanges;
        var folder = await new ModelLocator(_settings).FolderAsync("org/name", _folder.Path, new Arrival(_hub));
        Assert.Equal(
            File.ReadAllBytes(_folder["source/model.safetensors"]), File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
        Assert.Contains(
            _hub.Requests, request => request.StartsWith("GET /org/name/model.safetensors bytes=") && request.EndsWith('-'));
    }

    [Fact]
    public async Task A_download_that_was_ended_is_taken_up_by_the_next()
    {
        var weights = File.ReadAllBytes(_folder["source/model.safetensors"]);
        var half = _folder[$"cache/models--org--name/blobs/{Convert.ToHexStringLower(SHA256.HashData(weights))}.incomplete"];
        Directory.CreateDirectory(Path.GetDirectoryName(half)!);
        File.WriteAllBytes(half, weights[..70_000]);
        var folder = await FindAsync("org/name");
        Assert.Equal(weights, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
        Assert.Contains("GET /org/name/model.safetensors bytes=70000-", _hub.Requests);
        Assert.False(File.Exists(half));
    }

    [Fact]
    public async Task Content_that_is_not_what_the_hub_says_is_thrown_away()
    {
        _hub.Corrupt = true;
        var error = await RefusedAsync("org/name");
        Assert.Contains("model.safetensors: came with other content", error.Message);
        var etag = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(_folder["source/model.safetensors"])));
        Assert.Empty(Directory.GetFiles(_folder["cache/models--org--name/blobs"], $"{etag}*"));
        Assert.DoesNotContain(
            Directory.GetFiles(_folder["cache"], "*", SearchOption.AllDirectories), file => file.EndsWith(".safetensors"));
        _hub.Corrupt = false;
        await FindAsync("org/name");
    }

    [Fact]
    public async Task A_hub_that_has_too_much_to_do_is_asked_again_when_it_said()
    {
        _hub.TooMany = 3;
        await FindAsync("org/name");
        Assert.Equal(-1, Math.Sign(_hub.TooMany));
    }

    [Fact]
    public async Task A_private_model_needs_a_token_which_goes_to_the_hub_alone()
    {
        _hub.Token = "secret";
        Assert.Contains("set HF_TOKEN", (await RefusedAsync("org/name")).Message);
        Assert.Contains(
            "for the token in HF_TOKEN", (await RefusedAsync("org/name", _settings with { Token = "wrong" })).Message);
        await FindAsync("org/name", _settings with { Token = "secret" });
        Assert.Empty(_hub.Leaked);
    }

    [Fact]
    public async Task Several_that_want_one_model_fetch_it_once()
    {
        var folders = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => FindAsync("org/name")));
        Assert.Single(folders.Distinct());
        Assert.Single(_hub.Requests, request => request == "GET /org/name/model.safetensors");
    }

    [Fact]
    public async Task A_folder_that_exists_goes_before_the_hub()
    {
        Model.Write(_folder["home/org/name"], Model.Random("w", DType.F32, [3], 1));
        Assert.Equal(_folder["home/org/name"], await FindAsync("org/name"));
        Assert.Empty(_hub.Requests);
    }

    [Fact]
    public async Task A_name_in_the_store_is_found_and_one_that_is_a_folder_too_is_refused()
    {
        Task<string?> Store(string name) => Task.FromResult(name is "math" or "code" ? _folder[$"store/{name}"] : null);
        ModelLocator locator = new(_settings, Store);
        Assert.Equal(_folder["store/math"], await locator.FolderAsync("math", _folder["home"]));
        Directory.CreateDirectory(_folder["home/code"]);
        var error = await Assert.ThrowsAsync<BadInputException>(() => locator.FolderAsync("code", _folder["home"]));
        Assert.Contains("both a folder", error.Message);
        Assert.Equal(_folder["home/code"], await locator.FolderAsync("./code", _folder["home"]));
    }

    [Theory]
    [InlineData("org/none", "is not on http://127.0.0.1")]
    [InlineData("./org/name", "there is no such folder")]
    [InlineData("../name", "there is no such folder")]
    [InlineData("name", "there is no such folder")]
    [InlineData("a/b/c", "there is no such folder")]
    [InlineData("org/name@v2", "is not on http://127.0.0.1")]
    [InlineData("org/name@", "names no model")]
    [InlineData("org/name@../../x", "names no model")]
    [InlineData("org/pickled", "only pickled weights")]
    [InlineData("org/empty", "no `model.safetensors`")]
    public async Task A_model_that_cannot_be_had_is_one_clear_error(string text, string expected)
    {
        _hub.Files["org/pickled/pytorch_model.bin"] = [1];
        _hub.Files["org/empty/README.md"] = [1];
        var error = await RefusedAsync(text);
        Assert.Contains(expected, error.Message);
        Assert.Contains(text.Split('@')[0].TrimStart('.', '/'), error.Message);
    }

    [Fact]
    public async Task A_hub_that_cannot_be_reached_is_no_fault_of_who_asks()
    {
        var error = await Assert.ThrowsAsync<UnavailableException>(
            () => FindAsync("org/name", _settings with { Endpoint = new("http://127.0.0.1:1") }));
        Assert.Contains("could not be fetched from http://127.0.0.1:1", error.Message);
        Assert.EndsWith($"nor is there a folder {_folder["home/org/name"]}", error.Message);
    }

    [Fact]
    public async Task Offline_says_which_cache_was_searched()
    {
        var error = await RefusedAsync("org/name", _settings with { Offline = true });
        Assert.Contains(_folder["cache"], error.Message);
        Assert.Empty(_hub.Requests);
    }

    [Theory]
    [InlineData("models/math", true)]
    [InlineData("models/math@main", false)]
    [InlineData("models/math+org/adapter", true)]
    public async Task What_may_be_the_name_of_a_folder_says_which_folder_is_not_there(string text, bool folder)
    {
        foreach (var error in new[] { await RefusedAsync(text), await RefusedAsync(text, _settings with { Offline = true }) })
            Assert.Equal(folder,
                error.Message.EndsWith($"; nor is there a folder {_folder["home/models/math"]}", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("org/name", "org/name", null, null)]
    [InlineData("org/name@v1", "org/name", "v1", null)]
    [InlineData("org/name@v1+me/lora@v2", "org/name", "v1", "me/lora@v2")]
    [InlineData("../a+b", "../a", null, "b")]
    public void A_reference_names_model_revision_and_adapter(string text, string model, string? revision, string? adapter)
    {
        var reference = ModelReference.Parse(text, _folder.Path);
        Assert.Equal((model, revision, adapter), (reference.Model, reference.Revision, reference.Adapter?.ToString()));
        Assert.Equal(text, reference.ToString());
    }

    [Fact]
    public void Signs_in_the_name_of_a_folder_are_part_of_it()
    {
        Directory.CreateDirectory(_folder["a@b+c"]);
        Assert.Equal(new ModelReference("a@b+c"), ModelReference.Parse("a@b+c", _folder.Path));
        Directory.CreateDirectory(_folder["a@b"]);
        Assert.Equal(new ModelReference("a@b", null, new("d")), ModelReference.Parse("a@b+d", _folder.Path));
    }

    private async Task<string> FindAsync(string text, HubSettings? settings = null) =>
        await new ModelLocator(settings ?? _settings).FolderAsync(text, _folder["home"]);

    private Task<BadInputException> RefusedAsync(string text, HubSettings? settings = null) =>
        Assert.ThrowsAsync<BadInputException>(() => FindAsync(text, settings));

    private sealed class Arrival(Hub hub) : IProgress<DownloadProgress>
    {
        private const int MoreThanAllSmallFiles = 1000;

        public void Report(DownloadProgress value)
        {
            if (value.Bytes > MoreThanAllSmallFiles)
                hub.Arrived.Set();
        }
    }
}
