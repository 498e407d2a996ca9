using System.Net;
using Pedigree.Api.Serving;
using Pedigree.Weights;
using Pedigree.Workflow.Tests;

namespace Pedigree.Api.Tests;

/// <summary>Who may use a server.</summary>
public sealed class GuardTests(FinishedRun finished) : IDisposable
{
    private const string Key = "0123456789abcdef";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("http://0.0.0.0:0")]
    [InlineData("http://*:0")]
    [InlineData("http://+:0")]
    [InlineData("http://[::]:0")]
    [InlineData("http://example.org:80")]
    [InlineData("http://192.168.1.1:80")]
    [InlineData("http://localhost.example.org:80")]
    public void Without_a_key_no_server_listens_where_others_can_reach_it(string url)
    {
        BadInputException error = Assert.Throws<BadInputException>(() => PedigreeServer.Create(Options(url)));
        Assert.Equal("--urls", error.Field);
        Assert.Contains("give a key", error.Message);
    }

    [Theory]
    [InlineData("https://127.0.0.1:0", "--urls")]
    [InlineData("nonsense", "--urls")]
    [InlineData("ftp://127.0.0.1", "--urls")]
    [InlineData("http://127.0.0.1:99999", "--urls")]
    [InlineData("http://localhost:0", "--urls")]
    public void A_URL_that_cannot_be_served_is_refused(string url, string option) =>
        Assert.Equal(option, Assert.Throws<BadInputException>(() => PedigreeServer.Create(Options(url))).Field);

    [Fact]
    public void A_weak_key_a_root_that_is_none_and_no_place_for_a_run_are_refused()
    {
        Assert.Equal("--key", Refused(Options() with { Key = "short" }));
        Assert.Equal("--key", Refused(Options() with { Key = "with a space in the middle" }));
        Assert.Equal("--root", Refused(Options() with { Api = new() { Roots = [_folder["nothing"]] } }));
        Assert.Equal("--urls", Refused(Options() with { Urls = [] }));
        Assert.Equal("--runs-at-once", Refused(Options() with { RunsAtOnce = 0 }));

        static string? Refused(ServerOptions options) =>
            Assert.Throws<BadInputException>(() => PedigreeServer.Create(options)).Field;
    }

    [Fact]
    public async Task With_a_key_every_route_wants_it_and_takes_it_in_three_ways()
    {
        await using TestServer server = await TestServer.StartAsync(Options("http://0.0.0.0:0") with { Key = Key });
        using HttpClient client = new() { BaseAddress = new($"http://127.0.0.1:{server.Address.Port}") };
        foreach (string path in (string[])["/api/runs", "/api/runs/small", "/openapi/v1.json", "/nothing", "/"])
        {
            HttpResponseMessage refused = await client.GetAsync(path);
            await Problem.OfAsync(refused, 401, null);
            Assert.Equal("Bearer", refused.Headers.WwwAuthenticate.Single().Scheme);
        }
        foreach (string wrong in (string[])[Key + "0", Key[..^1], Key.ToUpperInvariant(), "x"])
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(client, "/api/runs", ("x-functions-key", wrong)));
            Assert.Equal(
                HttpStatusCode.Unauthorized, await StatusAsync(client, "/api/runs", ("Authorization", $"Bearer {wrong}")));
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(client, $"/api/runs?code={wrong}"));
        }
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(client, "/api/runs", ("Authorization", $"Basic {Key}")));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, "/api/runs", ("x-functions-key", Key)));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, "/api/runs", ("Authorization", $"bearer {Key}")));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, $"/api/runs?code={Key}"));
        // Under whatever name it is reached.
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, $"/api/runs?code={Key}", ("Host", "pedigree.example.org")));
    }

    [Theory]
    [InlineData("evil.example.org")]
    [InlineData("localhost.evil.example.org")]
    [InlineData("127.0.0.1.evil.example.org:80")]
    [InlineData("10.0.0.1")]
    public async Task Without_a_key_a_name_that_was_made_to_point_here_is_refused(string host)
    {
        HttpRequestMessage request = new(HttpMethod.Get, "/api/runs") { Headers = { Host = host } };
        await Problem.OfAsync(await finished.Client.SendAsync(request), 403, "Host");
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("LOCALHOST:1234")]
    [InlineData("127.0.0.2")]
    [InlineData("[::1]:80")]
    public async Task Without_a_key_any_name_of_this_machine_is_served(string host) =>
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(finished.Client, "/api/runs", ("Host", host)));

    [Theory]
    [InlineData("http://evil.example.org")]
    [InlineData("null")]
    [InlineData("http://127.0.0.1:1")]
    public async Task Without_a_key_a_page_of_another_site_can_give_no_orders(string origin)
    {
        HttpRequestMessage request = new(HttpMethod.Post, "/api/runs/small/terminate") { Headers = { { "Origin", origin } } };
        await Problem.OfAsync(await finished.Client.SendAsync(request), 403, "Origin");
    }

    [Fact]
    public async Task Without_a_key_its_own_pages_are_served() => Assert.Equal(HttpStatusCode.OK,
        await StatusAsync(finished.Client, "/api/runs", ("Origin", finished.Server.Address.GetLeftPart(UriPartial.Authority))));

    private static async Task<HttpStatusCode> StatusAsync(
        HttpClient client, string path, params (string Name, string Value)[] headers)
    {
        HttpRequestMessage request = new(HttpMethod.Get, path);
        foreach ((string name, string value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return (await client.SendAsync(request)).StatusCode;
    }

    private ServerOptions Options(string url = "http://127.0.0.1:0") =>
        new() { Urls = [url], Store = _folder["store"], Api = new() { Roots = [_folder.Path] } };
}
