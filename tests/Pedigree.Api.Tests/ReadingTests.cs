using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Workflow.Tests;

namespace Pedigree.Api.Tests;

/// <summary>Every route that reads, on a finished run.</summary>
public sealed class ReadingTests(FinishedRun finished)
{
    [Fact]
    public async Task A_run_begun_over_HTTP_decides_what_the_embedded_host_decides_and_its_best_model_has_the_same_bytes()
    {
        IReadOnlyList<LoggedEvent> log = await EventLog.ReadAsync(new(Store.Open(finished.Home), "small"));
        Assert.Equal(Decisions(finished.Embedded.Events), Decisions(log.Select(logged => logged.Event)));

        Model best = finished.Embedded.State.Population.First(model => model.Generation > 0);
        JsonArray files = (await finished.Server.GetAsync($"/api/runs/small/models/{best.Name}")).AsArray();
        Assert.Contains("model.safetensors", files.Select(file => (string?)file!["name"]));
        foreach (JsonNode? file in files)
        {
            byte[] bytes = await finished.Client.GetByteArrayAsync($"/api/runs/small/models/{best.Name}/{file!["name"]}");
            Assert.Equal((string?)file["sha256"], Convert.ToHexStringLower(SHA256.HashData(bytes)));
            Assert.Equal(await EmbeddedBytesAsync(best, (string)file["name"]!), bytes);
        }
    }

    [Fact]
    public async Task Runs_are_listed_a_page_at_a_time_each_naming_the_next()
    {
        using TemporaryFolder folder = new();
        string[] ids = ["a", "b", "c", "d", "e"];
        foreach (string id in ids)
        {
            Directory.CreateDirectory(folder[$"runs/{id}"]);
            File.WriteAllText(folder[$"runs/{id}/events.jsonl"], "damaged\n");
        }
        await using TestServer server = await TestServer.StartAsync(folder.Path);
        List<string> seen = [];
        List<int> lengths = [];
        for (string? page = "/api/runs?limit=2"; page is not null;)
        {
            using HttpResponseMessage answer = await server.Client.GetAsync(page);
            string[] lines =
                [.. JsonNode.Parse(await answer.Content.ReadAsStringAsync())!.AsArray().Select(line => (string)line!["id"]!)];
            seen.AddRange(lines);
            lengths.Add(lines.Length);
            page = answer.Headers.TryGetValues("Link", out IEnumerable<string>? links) ? links.Single().Split('<', '>')[1] : null;
        }
        Assert.Equal(ids, seen);
        Assert.Equal([2, 2, 1], lengths);
        await Problem.OfAsync(await server.Client.GetAsync("/api/runs?limit=0"), 400, "limit");
        await Problem.OfAsync(await server.Client.GetAsync("/api/runs?limit=many"), 400, "limit");
    }

    [Fact]
    public async Task The_list_and_the_document_say_how_a_run_ended()
    {
        JsonNode line = Assert.Single(
            (await finished.Server.GetAsync("/api/runs")).AsArray(), run => (string?)run!["id"] == "small")!;
        JsonNode run = await finished.Server.GetAsync("/api/runs/small");
        RunState state = finished.Embedded.State;
        foreach (JsonNode each in (JsonNode[])[line, run])
        {
            Assert.Equal("completed", (string?)each["status"]);
            Assert.Equal("generations", (string?)each["stopReason"]);
            Assert.Equal(state.Population[0].Name, (string?)each["best"]!["name"]);
            Assert.Equal(state.Population[0].Average, (double)each["best"]!["average"]!);
        }
        Assert.Equal("kinship", (string?)line["strategy"]);
        Assert.Equal(2, (int)line["generation"]!);
        Assert.Equal(state.Models.Count, run["models"]!.AsArray().Count);
        Assert.Equal(state.Merges, (int)run["merges"]!);
        Assert.Equal(state.Evaluations, (int)run["evaluations"]!);
        Assert.Equal(3, run["generations"]!.AsArray().Count);
        Assert.True((DateTimeOffset)run["updated"]! >= (DateTimeOffset)run["begun"]!);
        Assert.Equal((string?)line["statusQueryGetUri"], (string?)run["links"]!["statusQueryGetUri"]);
    }

    [Fact]
    public async Task Every_link_leads_to_a_route()
    {
        foreach ((string name, JsonNode? link) in (await finished.Server.GetAsync("/api/runs/small"))["links"]!.AsObject())
        {
            if (name == "id")
                continue;
            HttpMethod method = name.Contains("Post") ? HttpMethod.Post
                : name.Contains("Delete") ? HttpMethod.Delete
                : HttpMethod.Get;
            using HttpResponseMessage response = await finished.Client.SendAsync(new(method, (string)link!));
            // A finished run takes no more orders.
            Assert.Equal(method == HttpMethod.Post ? HttpStatusCode.Conflict
                : method == HttpMethod.Delete ? HttpStatusCode.NoContent
                : HttpStatusCode.OK,
                response.StatusCode);
        }
    }

    [Fact]
    public async Task The_events_are_the_lines_of_the_log()
    {
        using HttpResponseMessage response = await finished.Client.GetAsync("/api/runs/small/events");
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(File.ReadAllText(Path.Combine(finished.Home, "runs", "small", "events.jsonl")),
            await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task The_lineage_gives_every_child_two_parents_with_purpose_kinship_and_gain()
    {
        JsonNode lineage = await finished.Server.GetAsync("/api/runs/small/lineage");
        RunState state = finished.Embedded.State;
        Assert.Equal(["base", .. state.Models.Values.OrderBy(model => model.Generation).Select(model => model.Name)],
            lineage["nodes"]!.AsArray().Select(node => (string)node!["name"]!));
        JsonArray edges = lineage["edges"]!.AsArray();
        Assert.Equal(2 * state.Merges, edges.Count);
        foreach (MergeCompleted merged in finished.Embedded.Events.OfType<MergeCompleted>())
        {
            JsonNode?[] own = [.. edges.Where(edge => (string?)edge!["child"] == merged.Name)];
            Assert.Equal(merged.Parents, own.Select(edge => (string)edge!["parent"]!));
            foreach (JsonNode? edge in own)
            {
                Assert.Equal(merged.Purpose.ToString().ToLowerInvariant(), (string?)edge!["purpose"]);
                Assert.Equal(state.Kinship(merged.Parents[0], merged.Parents[1]), (double)edge["kinship"]!);
                Assert.Equal(state.Gain(merged.Name, state.Models[merged.Name].Average!.Value), (double)edge["gain"]!);
            }
        }
    }

    [Fact]
    public async Task The_kinship_matrix_is_symmetric_and_has_every_pair_that_was_measured()
    {
        JsonNode kinship = await finished.Server.GetAsync("/api/runs/small/kinship");
        string[] names = [.. kinship["models"]!.AsArray().Select(name => (string)name!)];
        Assert.Equal("pearson", (string?)kinship["measure"]);
        for (int one = 0; one < names.Length; one++)
        {
            Assert.Equal(1, (double)kinship["pearson"]![one]![one]!);
            Assert.Equal(0, (double)kinship["euclidean"]![one]![one]!);
            for (int other = 0; other < one; other++)
            {
                Assert.Equal(
                    finished.Embedded.State.Kinship(names[one], names[other]), (double)kinship["pearson"]![one]![other]!);
                Assert.Equal((double)kinship["cosine"]![one]![other]!, (double)kinship["cosine"]![other]![one]!);
            }
        }
    }

    [Fact]
    public async Task The_report_is_a_page_that_may_load_nothing_and_lies_beside_the_log_too()
    {
        using HttpResponseMessage response = await finished.Client.GetAsync("/api/runs/small/report");
        Assert.Equal("text/html", response.Content.Headers.ContentType?.MediaType);
        Assert.Contains("default-src 'none'", response.Headers.GetValues("Content-Security-Policy").Single());
        string page = await response.Content.ReadAsStringAsync();
        Assert.Contains("<h1>small</h1>", page);
        Assert.Equal(page, File.ReadAllText(Path.Combine(finished.Home, "runs", "small", "report.html")));
    }

    [Fact]
    public async Task The_page_at_the_top_runs_only_what_it_holds_and_asks_only_routes_that_there_are()
    {
        using HttpResponseMessage response = await finished.Client.GetAsync("/");
        Assert.Equal("text/html", response.Content.Headers.ContentType?.MediaType);
        string page = await response.Content.ReadAsStringAsync(),
            policy = response.Headers.GetValues("Content-Security-Policy").Single();
        Assert.StartsWith("default-src 'none'; connect-src 'self'; ", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy);
        foreach (string element in (string[])["style", "script"])
        {
            string content =
                Assert.Single(Regex.Matches(page, $"<{element}>(.*?)</{element}>", RegexOptions.Singleline)).Groups[1].Value;
            Assert.Contains(
                $"{element}-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(content)))}'", policy);
        }
        // Neither would the policy let anything else run or be loaded.
        Assert.DoesNotMatch(@"//\w|\son\w+=|\sstyle=|\ssrc=", page.Split("<script>")[0]);
        JsonObject routes = (await finished.Server.GetAsync("/openapi/v1.json"))["paths"]!.AsObject();
        IEnumerable<string> asked = Regex.Matches(page, @"[""`](/api/[^""`]*)[""`]")
            .Select(match => Regex.Replace(match.Groups[1].Value, @"\$\{.*?\}", "{id}"))
            .Distinct();
        Assert.Equal(["/api/runs", "/api/runs/{id}", "/api/runs/{id}/events", "/api/runs/{id}/report"],
            asked.Order(StringComparer.Ordinal));
        Assert.All(asked, route => Assert.True(routes.ContainsKey(route), route));
    }

    [Fact]
    public async Task A_file_of_a_model_comes_whole_in_ranges_or_not_again()
    {
        const string File = "/api/runs/small/models/sort/model.safetensors";
        using HttpResponseMessage whole = await finished.Client.GetAsync(File);
        byte[] bytes = await whole.Content.ReadAsByteArrayAsync();
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), whole.Headers.ETag!.Tag.Trim('"'));

        HttpRequestMessage range = new(HttpMethod.Get, File) { Headers = { Range = new RangeHeaderValue(100, 199) } };
        using HttpResponseMessage part = await finished.Client.SendAsync(range);
        Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
        Assert.Equal(bytes[100..200], await part.Content.ReadAsByteArrayAsync());

        HttpRequestMessage beyond = new(HttpMethod.Get, File) { Headers = { Range = new RangeHeaderValue(bytes.Length, null) } };
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, (await finished.Client.SendAsync(beyond)).StatusCode);

        HttpRequestMessage known = new(HttpMethod.Get, File) { Headers = { IfNoneMatch = { whole.Headers.ETag } } };
        Assert.Equal(HttpStatusCode.NotModified, (await finished.Client.SendAsync(known)).StatusCode);

        using HttpResponseMessage head = await finished.Client.SendAsync(new(HttpMethod.Head, File));
        Assert.Equal(bytes.Length, head.Content.Headers.ContentLength);
    }

    [Theory]
    [InlineData("/", "text/html")]
    [InlineData("/openapi/v1.json", "application/json")]
    [InlineData("/api/runs", "application/json")]
    [InlineData("/api/runs/small", "application/json")]
    [InlineData("/api/runs/small/events", "application/x-ndjson")]
    [InlineData("/api/runs/small/lineage", "application/json")]
    [InlineData("/api/runs/small/kinship", "application/json")]
    [InlineData("/api/runs/small/report", "text/html")]
    [InlineData("/api/runs/small/models/sort", "application/json")]
    [InlineData("/api/runs/small/models/sort/config.json", "application/json")]
    public async Task Whatever_can_be_read_answers_HEAD_with_the_headers_alone(string path, string type)
    {
        using HttpResponseMessage response = await finished.Client.SendAsync(new(HttpMethod.Head, path));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(type, response.Content.Headers.ContentType?.MediaType);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task A_replay_finds_the_run_identical_also_when_everything_is_done_again()
    {
        foreach (string query in (string[])["", "?remerge=true&reevaluate=true"])
        {
            using HttpResponseMessage response = await finished.Client.PostAsync($"/api/runs/small/replay{query}", null);
            JsonNode result = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
            Assert.True((bool)result["identical"]!, result.ToJsonString());
            Assert.True((int)result["events"]! >= finished.Embedded.Events.Count);
        }
    }

    [Fact]
    public async Task The_OpenAPI_document_has_every_route()
    {
        JsonNode document = await finished.Server.GetAsync("/openapi/v1.json");
        Assert.Equal(
            ["/api/runs", "/api/runs/{id}", "/api/runs/{id}/events", "/api/runs/{id}/history",
                "/api/runs/{id}/kinship", "/api/runs/{id}/lineage",
                "/api/runs/{id}/models/{name}",
                "/api/runs/{id}/models/{name}/{file}", "/api/runs/{id}/replay", "/api/runs/{id}/report",
                "/api/runs/{id}/resume", "/api/runs/{id}/suspend", "/api/runs/{id}/terminate"],
            document["paths"]!.AsObject().Select(path => path.Key).Order(StringComparer.Ordinal));
        JsonNode post = document["paths"]!["/api/runs"]!["post"]!;
        Assert.Contains("application/yaml", post["requestBody"]!["content"]!.AsObject().Select(content => content.Key));
        Assert.Contains(
            "application/problem+json", post["responses"]!["409"]!["content"]!.AsObject().Select(content => content.Key));
    }

    internal static IEnumerable<string> Decisions(IEnumerable<RunEvent> events) =>
        events.Where(each => each is not HostEvent).Select(each => EventJson.ToJson(each).ToJsonString(EventJson.Options));

    private async Task<byte[]> EmbeddedBytesAsync(Model model, string file) =>
        (await finished.Embedded.Store.ReadAsync(StoreNames.CheckpointFile(model.Digest, file)))!;
}
