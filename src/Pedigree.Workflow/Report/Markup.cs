using System.Globalization;
using System.Reflection;
using System.Xml;
using System.Xml.Linq;

namespace Pedigree.Workflow.Report;

/// <summary>The page as a tree of elements, so that every text is encoded and every element closed.</summary>
internal static class Markup
{
    private static readonly HashSet<string> VoidElements = ["meta", "br"];

    /// <summary>An element; <paramref name="name"/> may carry classes, as in <c>td.number.best</c>.</summary>
    public static XElement Element(string name, params object?[] content)
    {
        string[] parts = name.Split('.');
        XElement element = new(parts[0]);
        if (parts.Length > 1)
            element.SetAttributeValue("class", string.Join(' ', parts[1..]));
        element.Add(content.Select(part => part is string text ? Clean(text) : part).ToArray());
        return element;
    }

    /// <summary>An attribute.</summary>
    public static XAttribute Attribute(string name, string value) => new(name, Clean(value));

    /// <summary>A coordinate or length, to a hundredth.</summary>
    public static XAttribute Attribute(string name, double value) =>
        new(name, Math.Round(value, 2).ToString(CultureInfo.InvariantCulture));

    /// <summary>A drawing of that size in user units, which shrinks with the page but never grows.</summary>
    public static XElement Drawing(string label, double width, double height, IEnumerable<XElement> content) => Element(
        "svg",
        Attribute("viewBox", string.Create(CultureInfo.InvariantCulture, $"0 0 {width:0.##} {height:0.##}")),
        Attribute("width", width),
        Attribute("height", height),
        Attribute("role", "img"),
        Attribute("aria-label", label),
        content);

    /// <summary>A line of text in a drawing.</summary>
    public static XElement Label(string classes, double x, double y, string text) =>
        Element(classes.Length == 0 ? "text" : $"text.{classes}", Attribute("x", x), Attribute("y", y), text);

    /// <summary>What a pointer resting on a part of a drawing shows.</summary>
    public static XElement Tip(string text) => Element("title", text);

    /// <summary>A section with a heading, and a sentence that says how to read it.</summary>
    public static XElement Section(string id, string heading, string reading, params object?[] content) =>
        Element("section", Attribute("id", id), Element("h2", heading), Element("p.reading", reading), content);

    /// <summary>A part that may be wider than a phone: it scrolls by itself.</summary>
    public static XElement Scrolled(XElement wide) => Element("div.scroll", Attribute("tabindex", "0"), wide);

    /// <summary>A table.</summary>
    public static XElement Table(IEnumerable<XElement> head, IEnumerable<XElement> rows) =>
        Scrolled(Element("table", Element("thead", Element("tr", head)), Element("tbody", rows)));

    /// <summary>The whole page as text.</summary>
    public static string Page(string title, IEnumerable<XElement> sections)
    {
        XElement page = Element("html", Attribute("lang", "en"),
            Element("head",
                Element("meta", Attribute("charset", "utf-8")),
                Element("meta", Attribute("name", "viewport"), Attribute("content", "width=device-width, initial-scale=1")),
                Element("meta", Attribute("name", "color-scheme"), Attribute("content", "light dark")),
                Element("title", title),
                Element("style", Style())),
            Element("body", Element("main", sections)));
        // HTML does not know <td/>: an element without content needs its end tag, unless it can never have content.
        foreach (XElement empty in page.Descendants()
            .Where(element => element.IsEmpty && !VoidElements.Contains(element.Name.LocalName)))
            empty.Value = "";
        return $"<!DOCTYPE html>\n{page.ToString(SaveOptions.DisableFormatting)}\n";
    }

    private static string Style()
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("report.css")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Characters that XML cannot carry, such as a terminal's escape, become U+FFFD.</summary>
    private static string Clean(string text)
    {
        char[] characters = text.ToCharArray();
        for (int index = 0; index < characters.Length; index++)
        {
            if (index + 1 < characters.Length && XmlConvert.IsXmlSurrogatePair(characters[index + 1], characters[index]))
                index++;
            else if (!XmlConvert.IsXmlChar(characters[index]))
                characters[index] = '\uFFFD';
        }
        return new string(characters);
    }
}
