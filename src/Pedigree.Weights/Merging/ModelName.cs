using Pedigree.Weights.Configuration;

namespace Pedigree.Weights.Merging;

/// <summary>How a configuration names a model: as text, or in parts, as mergekit writes it beside its own merges.</summary>
internal static class ModelName
{
    /// <summary>
    /// <c>model[@revision][+adapter[@revision]]</c>, of text or of <c>{model: {path, revision}, lora: {path, revision}}</c>, in
    /// which each may also be text.
    /// </summary>
    /// <exception cref="BadInputException">It names no model so.</exception>
    public static string Of(ConfigurationNode node)
    {
        if (node is not ConfigurationMapping parts || parts.Members.Any(member => member.Key == "path"))
            return Place(node);
        var model = Place(parts.Required("model"));
        var adapter = parts.Optional("lora") is { } lora ? $"+{Place(lora)}" : "";
        if (parts.Optional("override_architecture") is { } other)
            throw other.Error(
                "is not supported: layers are found by the names of tensors, whatever the architecture; leave it out");
        parts.RefuseUnknownKeys();
        return model + adapter;
    }

    private static string Place(ConfigurationNode node)
    {
        if (node is not ConfigurationMapping place)
            return node.AsString();
        var (path, revision) = (place.RequiredString("path"), place.OptionalString("revision"));
        place.RefuseUnknownKeys();
        return revision is null ? path : $"{path}@{revision}";
    }
}
