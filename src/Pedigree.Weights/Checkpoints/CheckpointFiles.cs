using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Win32.SafeHandles;

namespace Pedigree.Weights.Checkpoints;

/// <summary>Which files make up a checkpoint in the Hugging Face layout.</summary>
internal static class CheckpointFiles
{
    public const string Config = "config.json";
    public const string SingleShard = "model.safetensors";
    public const string Index = "model.safetensors.index.json";

    /// <summary>The small files that a child has from its parent unchanged, in ordinal order.</summary>
    public static IReadOnlyList<string> Carried { get; } =
    [
        "added_tokens.json", "chat_template.jinja", "chat_template.json", Config, "generation_config.json", "merges.txt",
        "sentencepiece.bpe.model", "special_tokens_map.json", "spiece.model", "tekken.json", "tokenizer.json", "tokenizer.model",
        "tokenizer_config.json", "vocab.json", "vocab.txt",
    ];

    private static readonly string[] Pickled = ["*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl"];

    /// <summary>The names of a folder's weight files: the index, if there is one, then the shards, in ordinal order.</summary>
    /// <exception cref="BadInputException">There are none, or the index is not right.</exception>
    public static (IReadOnlyList<string> Names, ShardIndex? Index) FindWeights(string folder)
    {
        // The same preference as everyone who reads this layout: a whole file before an index.
        if (File.Exists(Path.Combine(folder, SingleShard)))
            return ([SingleShard], null);
        if (File.Exists(Path.Combine(folder, Index)))
        {
            var index = ShardIndex.Read(Path.Combine(folder, Index));
            return ([Index, .. index.Shards], index);
        }
        var pickle = Pickled.SelectMany(pattern => Directory.EnumerateFiles(folder, pattern))
            .Order(StringComparer.Ordinal).FirstOrDefault();
        throw pickle is null
            ? new BadInputException(folder, null,
                $"holds no weights: `{SingleShard}`, or `{Index}` and its shards, must be there")
            : new BadInputException(pickle, null,
                "is pickled, and reading a pickle can run code hidden in it; "
                + $"convert the weights to safetensors (`{SingleShard}`) first");
    }

    /// <summary>A JSON file's object, every key once.</summary>
    /// <exception cref="BadInputException">It is missing, too large, or not that.</exception>
    public static JsonObject ReadObject(string path, int maxLength)
    {
        using var file = Open(path);
        var length = RandomAccess.GetLength(file);
        if (length > maxLength)
            throw new BadInputException(path, null, $"is {length} bytes long; at most {maxLength} are allowed");
        try
        {
            using var stream = new FileStream(file, FileAccess.Read);
            var node = JsonNode.Parse(stream, documentOptions: new() { AllowDuplicateProperties = false });
            ReadStrings(node);
            return node as JsonObject ?? throw new BadInputException(path, null, "must be a JSON object");
        }
        catch (JsonException error)
        {
            throw new BadInputException(path, null, $"must be a JSON object in which every key appears once: {error.Message}");
        }
        catch (InvalidOperationException)
        {
            throw new BadInputException(path, null, "holds a string that is not text");
        }
    }

    // Strings are decoded only when asked for; one that is not text shall be refused here, not wherever it is used.
    private static void ReadStrings(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                foreach (var (_, member) in members)
                    ReadStrings(member);
                break;
            case JsonArray items:
                foreach (var item in items)
                    ReadStrings(item);
                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String:
                value.GetValue<string>();
                break;
        }
    }

    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="BadInputException">It is missing or may not be read.</exception>
    public static SafeFileHandle Open(string path)
    {
        try
        {
            return File.OpenHandle(
                InputFile.Readable(path), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new BadInputException(path, null, "is missing");
        }
        catch (Exception error) when (error is UnauthorizedAccessException or IOException)
        {
            throw new UnavailableException(path, null, $"cannot be read: {error.Message}");
        }
    }
}
